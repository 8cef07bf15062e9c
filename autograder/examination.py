"""One submission examined: its cells run apart, the evidence judged here, the verdicts kept.

This process has the reference and never runs a line of the submission.
"""

import hashlib
import json
import tempfile
import time
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

import nbformat
import torch
from nbformat import v4
from nbformat.v4 import new_output
from nbgrader import utils

from autograder.catalogue import exercises_of
from autograder.course import write_atomically
from autograder.execution import run
from autograder.fingerprint import fingerprint, lay_out_common
from autograder.isolation import walls
from autograder.judge import draw_examples, judge_evidence
from autograder.needed_cells import needed_cells
from autograder.statuses import Limits
from autograder.walls import NOT_RUN
from autograder.workplace import workplace
from course_lib.evidence import COMMON_FOLDER, evidence_files
from course_lib.examples import save_examples
from course_lib.verdict import NOT_WRITTEN

# What learners' functions are asked when their points are settled: it earns and costs nothing.
COMMON_CELL = "common_questions"
COMMON_QUESTIONS = "from course_lib.evidence import hand_in_common\nhand_in_common()"
JUDGE = ("course_lib", "autograder", "solutions")


@dataclass(frozen=True)
class Task:
    """A submission as plain data: what to examine, without a name and without the secret.

    It can go to another machine, and holds nothing that would have to be unpickled.

    Attributes:
        chapter: the chapter's name.
        notebook: the grafted notebook as JSON.
        seeds: by exercise that of its examples, and "cells" for the cells' random numbers.
        limits: `autograder.statuses.Limits` as a dict.
        unreadable: the sentence for a file that is no notebook; nothing is run then.
    """

    chapter: str
    notebook: str
    seeds: dict
    limits: dict
    unreadable: str | None = None


@dataclass(frozen=True)
class Examination:
    """What came of one submission, as plain data.

    Attributes:
        outputs: list of nbformat outputs by cell id; those of test cells are the verdicts.
        statuses: how each code cell ended, as dicts of `execution.CellStatus`.
        exercises: by exercise name a dict with points, max_points, mistake, message, rungs, seed,
            and the fingerprint of a wrong answer (see `autograder.fingerprint`).
        seconds: that it took.
        walls: what isolated it; see `autograder.walls`.
        doubt: why the machine, not the submission, may be to blame for how it ended.
        repeated: the doubt that an earlier examination left; this one was made alone.
    """

    outputs: dict
    statuses: list
    exercises: dict
    seconds: float
    walls: str
    doubt: str = ""
    repeated: str = ""

    @property
    def final(self):
        """Whether it counts: none is in doubt, or it was examined twice."""
        return not self.doubt or bool(self.repeated)


def examination(course, submission, notebook, limits, unreadable=None):
    """The examination of a grafted notebook, from the course's ledger or made now.

    The ledger is a file per examination, named by a hash of all that its outcome depends on: the
    cells, the checks, the limits. So nothing is run twice, and what an interrupted grading has
    done is kept.
    """
    place = ledger_path(course, submission, notebook, limits, unreadable)
    found = load(place)
    while not found or not found.final:
        made = examine(course, submission, notebook, limits, unreadable)
        found = replace(made, repeated=found.doubt if found else "")
        save(place, found)
    return found


def load(place):
    """The examination in a file of the ledger, or None where there is no whole one."""
    try:
        return Examination(**json.loads(place.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):  # a machine that lost its power may leave half a file
        return None


def save(place, found):
    """Keep an examination in a file of the ledger."""
    write_atomically(place, json.dumps(asdict(found)))


def ledger_path(course, submission, notebook, limits, unreadable=None):
    """Where the ledger keeps an examination."""
    sources = [(cell.id, cell.source) for cell in notebook.cells if cell.cell_type == "code"]
    bounds = {name: float(value) for name, value in asdict(limits).items()}
    what = [submission.student, sources, bounds, unreadable, checks_hash()]
    content = json.dumps(what).encode("utf-8", "surrogatepass")
    name = f"{hashlib.sha256(content).hexdigest()}.json"
    return course.root / "ledger" / submission.chapter / name


@lru_cache(maxsize=1)
def checks_hash():
    """A hash of the judge: its code, the answers, the networks, the version of torch."""
    digest = hashlib.sha256(torch.__version__.encode())
    for room in JUDGE:
        folder = Path(find_spec(room).origin).parent
        for file in sorted(path for path in folder.rglob("*") if path.is_file()):
            if "__pycache__" not in file.parts and file.suffix != ".md":
                digest.update(f"{file.relative_to(folder)}\n".encode() + file.read_bytes())
    return digest.hexdigest()


def examine(course, submission, notebook, limits, unreadable=None):
    """Run a grafted notebook here and judge what it hands in; see `examine_task`."""
    task = task_for(course, submission, notebook, limits, unreadable)
    return examine_task(task, course.folder("release", submission.chapter))


def task_for(course, submission, notebook, limits, unreadable=None):
    """The task of examining a grafted notebook."""
    student, chapter = submission.student, submission.chapter
    names = [*(exercise.name for exercise in exercises_of(chapter)), "cells"]
    seeds = {name: course.seed(student, chapter, name) for name in names}
    return Task(chapter, json.dumps(notebook), seeds, asdict(limits), unreadable)


def examine_task(task, release):
    """Run a task's notebook and judge what it hands in.

    `release` is the folder of the released chapter: its files stand beside the notebook.
    """
    started, notebook = time.monotonic(), nbformat.from_dict(json.loads(task.notebook))
    cells = {cell.id: cell for cell in notebook.cells}
    exercises = [e for e in exercises_of(task.chapter) if f"check_{e.name}" in cells]
    untouched = {e.name for e in exercises if _is_untouched(cells[e.name])}
    if task.unreadable or len(untouched) == len(exercises):
        verdicts = _verdicts(exercises, task.seeds, None, {}, untouched, task.unreadable)
        return _examination(verdicts, task.seeds, {}, None, started)
    with tempfile.TemporaryDirectory(prefix="examination-", dir=workplace()) as folder:
        examples, evidence = _lay_out(exercises, task.seeds, Path(folder))
        execution = _run(task, notebook, release, examples, evidence)
        statuses = {status.cell_id: status for status in execution.statuses}
        verdicts = _verdicts(exercises, task.seeds, evidence, statuses, untouched, None)
        prints = {e.name: fingerprint(e, evidence / evidence_files(e.name)[1]) for e in exercises}
    isolated = walls(task.limits["trusted"])
    return _examination(verdicts, task.seeds, prints, execution, started, isolated)


def _lay_out(exercises, seeds, folder):
    """Fresh examples in one folder, and an empty one for what is handed in."""
    examples, evidence = folder / "examples", folder / "evidence"
    examples.mkdir()
    evidence.mkdir()
    for exercise in exercises:
        drawn = draw_examples(exercise, seeds[exercise.name])
        save_examples(examples / f"{exercise.name}.safetensors", drawn)
        lay_out_common(exercise, examples / COMMON_FOLDER)
    return examples, evidence


def _run(task, notebook, release, examples, evidence):
    """Run the cells that bear on a verdict, beside the files of the release."""
    released = nbformat.read(release / f"{task.chapter}.ipynb", 4)
    cells = needed_cells(notebook, released)
    last = v4.new_code_cell(COMMON_QUESTIONS, id=COMMON_CELL)
    shortened = v4.new_notebook(cells=[*cells, last], metadata=notebook.metadata)
    limits = Limits(**task.limits)
    execution = run(shortened, examples, evidence, limits, release, task.seeds["cells"])
    return _without(COMMON_CELL, execution)


def _without(name, execution):
    """An execution without a cell that is the grader's, whose end bears on nothing."""
    notebook = execution.notebook
    notebook.cells = [cell for cell in notebook.cells if cell.id != name]
    statuses = tuple(status for status in execution.statuses if status.cell_id != name)
    return replace(execution, statuses=statuses)


def _is_untouched(cell):
    return cell.metadata.nbgrader.get("checksum") == utils.compute_checksum(cell)


def _verdicts(exercises, seeds, evidence, statuses, untouched, unreadable):
    verdicts = {}
    for exercise in exercises:
        name = exercise.name
        file = evidence / f"{name}.safetensors" if evidence else None
        reason = unreadable or _reason(name, statuses, untouched)
        verdicts[name] = judge_evidence(exercise, seeds[name], file, reason)
    return verdicts


def _reason(name, statuses, untouched):
    """Why there may be no evidence, in a sentence for the learner."""
    if name in untouched:
        return f"{NOT_WRITTEN}: the cell is as it was handed out."
    answer, check = statuses.get(name), statuses.get(f"check_{name}")
    if answer and answer.outcome != "done":
        return f"The cell with your {name} {answer.sentence}."
    if check and check.outcome != "done":
        return f"The check of {name} {check.sentence}."
    return None


def _outputs(execution):
    outputs = {cell.id: list(cell.outputs) for cell in execution.notebook.cells}
    for status in execution.statuses:
        if status.outcome in ("stopped", "died", "not run"):
            said = {"text/plain": f"[This cell {status.sentence}.]"}
            outputs[status.cell_id].append(new_output("display_data", data=said))
    return outputs


def _examination(verdicts, seeds, prints, execution, started, isolated=NOT_RUN):
    outputs, statuses = (_outputs(execution), execution.statuses) if execution else ({}, ())
    outputs |= {f"check_{name}": _verdict_outputs(verdict) for name, verdict in verdicts.items()}
    exercises = {
        name: _plain(verdict) | {"seed": seeds[name], "fingerprint": prints.get(name, "")}
        for name, verdict in verdicts.items()
    }
    seconds = round(time.monotonic() - started, 2)
    told, doubt = [asdict(status) for status in statuses], execution.doubt if execution else ""
    return Examination(outputs, told, exercises, seconds, isolated, doubt)


def _verdict_outputs(verdict):
    """The message, and last the points as a float: nbgrader reads them from there."""
    shown = {"text/html": verdict._repr_html_(), "text/plain": str(verdict)}
    points = {"text/plain": repr(float(verdict.points))}
    return [
        new_output("display_data", data=shown),
        new_output("execute_result", data=points, execution_count=None),
    ]


def _plain(verdict):
    kept = verdict.to_dict()
    return {key: kept[key] for key in ("points", "max_points", "mistake", "message", "rungs")}
