"""Runs a submission's cells, in the sandbox unless it is trusted, and says how each ended.

Nothing that comes out of there is a verdict. What counts is the evidence, plain arrays that the
hidden part of a test cell writes into a folder; judgement happens elsewhere.
"""

import base64
import binascii
import re
from itertools import islice
from pathlib import Path

import nbformat

from autograder.inside.frames import read_frames
from autograder.sandbox import sandbox
from autograder.statuses import CellStatus, Execution, raised, too_long
from autograder.trusted_kernel import run_in_kernel

EVIDENCE_NAME = re.compile(r"[A-Za-z_]\w{0,99}\.safetensors")
OUTCOMES = ("done", "error", "stopped")
PICTURES = ("image/png", "image/jpeg")
MOST_FRAMES = 10_000  # that are read
LARGEST_OUTPUTS = 16_000_000  # bytes of a cell's outputs
LARGEST_EVIDENCE = 64_000_000


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
    _save_evidence(frames, Path(evidence))
    _fill_in_outputs(frames, cells)
    return Execution(copy, Path(evidence), tuple(_statuses(frames, list(cells), answer, limits)))


def _save_evidence(frames, folder):
    """Write what the checks handed in, each name once."""
    for head, payload in frames:
        name = head.get("name") if head["kind"] == "evidence" else None
        known = isinstance(name, str) and EVIDENCE_NAME.fullmatch(name)
        if known and len(payload) <= LARGEST_EVIDENCE and not (folder / name).exists():
            (folder / name).write_bytes(payload)


def _fill_in_outputs(frames, cells):
    for cell in cells.values():
        cell.outputs, cell.execution_count = [], None
    for head, payload in frames:
        cell = head.get("cell")
        if head["kind"] == "cell" and isinstance(cell, str) and cell in cells:
            cells[cell].outputs = _harmless_outputs(payload)


def _harmless_outputs(payload):
    """A cell's outputs as text and pictures: nothing in them can run in a grader's browser."""
    if len(payload) > LARGEST_OUTPUTS:
        return []
    try:
        (cell,) = nbformat.reads(payload.decode("utf-8"), as_version=4).cells
        return [made for output in cell.outputs for made in _harmless(output)]
    except Exception:  # a student may have written anything there, and it is only for display
        return []


def _harmless(output):
    new = nbformat.v4.new_output
    if output.output_type == "stream":
        yield new("stream", name="stdout", text=str(output.text))
    elif output.output_type == "error":
        trace = [str(line) for line in output.traceback]
        yield new("error", ename=str(output.ename), evalue=str(output.evalue), traceback=trace)
    else:
        kept = {kind: data for kind, data in output.data.items() if _is_harmless(kind, data)}
        if kept:
            yield new("display_data", data=kept)


def _is_harmless(kind, data):
    if kind == "text/plain":
        return isinstance(data, str)
    try:
        return kind in PICTURES and bool(base64.b64decode(data.replace("\n", ""), validate=True))
    except (binascii.Error, AttributeError, ValueError):
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
        return "the sandbox was lost"
    if last is None:
        return f"the sandbox failed ({str(kinds.get('failed', {}).get('why'))[:300]})"
    return f"an earlier cell {last.sentence}"
