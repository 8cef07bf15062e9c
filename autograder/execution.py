"""Runs a submission's cells, in the sandbox unless it is trusted, and says how each ended.

Nothing that comes out of there is a verdict. What counts is the evidence, plain arrays that the
hidden part of a test cell writes into a folder; judgement happens elsewhere.
"""

import base64
import binascii
import json
from itertools import accumulate, islice
from pathlib import Path

import nbformat

from autograder.inside.frames import read_frames
from autograder.sandbox import sandbox
from autograder.statuses import KEPT_WAITING, LOST, CellStatus, Execution, raised, too_long
from autograder.trusted_kernel import run_in_kernel
from course_lib.evidence import LARGEST_FILE, evidence_files

OUTCOMES = ("done", "error", "stopped")
PICTURES = ("image/png", "image/jpeg")
MOST_FRAMES = 10_000  # that are read
LARGEST_OUTPUTS = 16_000_000  # bytes of a cell's outputs
MOST_OUTPUTS = 1000  # of a cell
LEAST_SHARE = 0.1  # of a processor, for a submission that was at work and not asleep


def run(notebook, examples, evidence, limits, files=None, seed=0):
    """Execute a copy of the notebook and collect the evidence that its test cells hand in.

    `examples` is the folder with the questions, `evidence` an empty folder of the caller's for
    the answers, `files` a folder whose files stand beside the notebook; `seed` starts the random
    numbers. Whatever the cells do, this returns, and no process that they started is left.
    """
    if limits.trusted:
        return run_in_kernel(notebook, examples, evidence, limits, files)
    copy = nbformat.from_dict(notebook)
    cells = {cell.id: cell for cell in copy.cells if cell.cell_type == "code"}
    sources = [(name, cell.source) for name, cell in cells.items()]
    answer = sandbox().run(sources, examples, files, limits, seed)
    frames = list(islice(read_frames(answer.data), MOST_FRAMES))
    _save_evidence(frames, {cell.id for cell in copy.cells}, Path(evidence))
    _fill_in_outputs(frames, cells, limits.output_characters)
    statuses = tuple(_statuses(frames, list(cells), answer, limits))
    return Execution(copy, Path(evidence), statuses, _doubt(frames, answer))


def _doubt(frames, answer):
    """Why to run it once more: the sandbox was lost, or the machine kept it waiting.

    A cell that sleeps is stopped by the clock, too, and would be again: it uses no CPU time.
    """
    if answer.status is None:
        return LOST
    by_the_clock = answer.late or any(head.get("clock") == "wall" for head, _ in frames)
    working = answer.cpu_seconds >= LEAST_SHARE * answer.seconds
    return KEPT_WAITING if by_the_clock and working and not answer.cut else ""


def _save_evidence(frames, cell_ids, folder):
    """Write what the notebook's checks handed in, each name once."""
    checks = [name.removeprefix("check_") for name in cell_ids if name.startswith("check_")]
    names = {file for name in checks if name.isidentifier() for file in evidence_files(name)}
    for head, payload in frames:
        name = head.get("name") if head["kind"] == "evidence" else None
        known = isinstance(name, str) and name in names
        if known and len(payload) <= LARGEST_FILE and not (folder / name).exists():
            (folder / name).write_bytes(payload)


def _fill_in_outputs(frames, cells, most_characters):
    for cell in cells.values():
        cell.outputs, cell.execution_count = [], None
    for head, payload in frames:
        cell = head.get("cell")
        if head["kind"] == "cell" and isinstance(cell, str) and cell in cells:
            cells[cell].outputs = _harmless_outputs(payload, most_characters)


def _harmless_outputs(payload, most_characters):
    """A cell's outputs as text and pictures: nothing in them can run in a grader's browser."""
    if len(payload) > LARGEST_OUTPUTS:
        return []
    try:
        (cell,) = json.loads(payload)["cells"]
        made = [new for output in cell["outputs"][:MOST_OUTPUTS] for new in harmless(output)]
    except Exception:  # a student may have written anything there, and it is only for display
        return []
    sizes = accumulate(len(str(output)) for output in made)
    return [output for output, size in zip(made, sizes, strict=True) if size <= most_characters]


def harmless(output):
    """What of an output is text and pictures, as new outputs: none or one."""
    new = nbformat.v4.new_output
    if output["output_type"] == "stream":
        yield new("stream", name="stdout", text=_text(output["text"]))
    elif output["output_type"] == "error":
        trace = [_text(line) for line in output["traceback"]]
        name, value = _text(output["ename"]), _text(output["evalue"])
        yield new("error", ename=name, evalue=value, traceback=trace)
    else:
        data = {kind: _text(value) for kind, value in output["data"].items()}
        kept = {kind: value for kind, value in data.items() if _is_harmless(kind, value)}
        if kept:
            yield new("display_data", data=kept)


def _text(value):
    """A text of the notebook format, perhaps in lines, without halves of characters."""
    joined = "".join(value) if isinstance(value, list) else str(value)
    return joined.encode("utf-8", "replace").decode("utf-8")


def _is_harmless(kind, data):
    if kind == "text/plain":
        return True
    try:
        return kind in PICTURES and bool(base64.b64decode(data.replace("\n", ""), validate=True))
    except (binascii.Error, ValueError):
        return False


def _statuses(frames, names, answer, limits):
    """A status for every cell, from what was said of it or from how the process ended."""
    begun, found = {}, {}
    for head, _ in frames:
        name = head.get("cell")
        if name not in names:
            continue
        if head["kind"] == "begin":
            begun.setdefault(name, head)
        elif head["kind"] == "cell" and name in begun:
            found.setdefault(name, _told(head, begun[name]))
    for name in begun.keys() - found.keys():
        found[name] = _ended(name, answer, limits)
    why = _why_not_run(frames, found.get(next(reversed(begun), None)), answer, limits)
    return [found.get(name) or CellStatus(name, "not run", f"not run: {why}") for name in names]


def _told(head, begin):
    outcome = head.get("outcome")
    if outcome not in OUTCOMES:
        return CellStatus(head["cell"], "died", "told nonsense about itself")
    sentences = {
        "done": "",
        "error": raised(head.get("ename"), head.get("evalue")),
        "stopped": too_long(_seconds(begin)),
    }
    return CellStatus(head["cell"], outcome, sentences[outcome])


def _seconds(begin):
    """The time that a cell says it was given: a student may have written anything there."""
    try:
        return float(begin.get("seconds"))
    except (TypeError, ValueError, OverflowError):
        return float("nan")


def _ended(name, answer, limits):
    """How the cell ended in which the process was lost."""
    if answer.cut:
        return CellStatus(name, "stopped", "was stopped: it put out too much")
    if answer.late or answer.cpu_seconds >= limits.submission_seconds:
        return CellStatus(name, "stopped", "was stopped: the notebook's whole time was used up")
    return CellStatus(name, "died", "ended the Python process")


def _why_not_run(frames, last, answer, limits):
    """Why the cells after the last one that was begun were not run."""
    kinds = {head["kind"]: head for head, _ in frames}
    if "used up" in kinds:
        return f"the {limits.submission_seconds:g} s for the whole notebook were used up"
    if answer.status is None:
        return LOST
    if answer.cut:
        return "the notebook put out too much"
    if last is None:
        return f"the sandbox failed ({str(kinds.get('failed', {}).get('why'))[:300]})"
    return f"an earlier cell {last.sentence}"
