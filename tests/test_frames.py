"""What a child sends is read as data: nonsense in it neither stops the grader nor earns."""

import json

import nbformat
import pytest

from autograder import execution
from autograder.inside.frames import read_frames
from autograder.sandbox import Answer
from autograder.statuses import Limits


def frame(payload=b"", **head):
    """The bytes of a frame."""
    return json.dumps({"size": len(payload)} | head).encode() + b"\n" + payload


BEGIN = frame(kind="begin", cell="c0", seconds=2)
NONSENSE = {
    "nothing": b"",
    "no JSON": b"\xff\xfe\x00\n",
    "no line": b"x" * 100,
    "deep": b"[" * 100_000 + b"\n",
    "a list": b"[1]\n",
    "no kind": frame(),
    "a kind of its own": frame(kind=["cell"]),
    "a size that is none": frame(kind="cell", cell="c0", size=-1),
    "a size that lies": frame(kind="cell", cell="c0", size=10**15),
    "a size that is true": frame(kind="cell", cell="c0", size=True),
    "a cell that is a list": frame(kind="begin", cell=["c0"]) + frame(kind="cell", cell={}),
    "endless seconds": frame(kind="begin", cell="c0", seconds=10**4000)
    + frame(kind="cell", cell="c0", outcome="stopped"),
    "seconds of nothing": frame(kind="begin", cell="c0", seconds=None)
    + frame(kind="cell", cell="c0", outcome="stopped"),
    "an outcome of its own": BEGIN + frame(kind="cell", cell="c0", outcome="full marks"),
    "outcomes as a list": BEGIN + frame(kind="cell", cell="c0", outcome=["done"]),
    "an error's name": BEGIN + frame(kind="cell", cell="c0", outcome="error", ename={"a": [1]}),
    "outputs that are none": BEGIN + frame(b"{}", kind="cell", cell="c0", outcome="done"),
    "outputs of depth": BEGIN + frame(b"[" * 10**6, kind="cell", cell="c0", outcome="done"),
    "a path for a name": frame(b"x", kind="evidence", name="../../gradebook.db"),
    "a name that is none": frame(b"x", kind="evidence", name=7),
    "evidence of no check": frame(b"x", kind="evidence", name="f.safetensors"),
    "half a character": BEGIN
    + frame(
        b'{"cells": [{"outputs": [{"output_type": "stream", "text": "\\ud800"}]}]}',
        kind="cell",
        cell="c0",
        outcome="error",
        ename="\ud800",
    ),
    "outputs that are invalid": BEGIN
    + frame(
        b'{"cells": [{"outputs": ['
        + b",".join([b'{"output_type": "stream", "text": "", "x": 1}'] * 20_000)
        + b"]}]}",
        kind="cell",
        cell="c0",
        outcome="done",
    ),
    "many frames": frame(kind="x") * 300_000,
}


@pytest.mark.parametrize("what", NONSENSE)
def test_nonsense_gives_statuses_and_no_evidence(monkeypatch, tmp_path, what):
    class Box:
        def run(self, *arguments):
            return Answer(NONSENSE[what], status=0)

    monkeypatch.setattr(execution, "sandbox", Box)
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1", id="c0")])
    found = execution.run(notebook, tmp_path, tmp_path, Limits())
    assert [status.cell_id for status in found.statuses] == ["c0"]
    assert found.statuses[0].outcome in ("not run", "died", "stopped", "error", "done")
    json.dumps([status.sentence for status in found.statuses], ensure_ascii=False).encode()
    nbformat.writes(found.notebook).encode()
    assert not list(tmp_path.iterdir()) and not list(tmp_path.parent.glob("gradebook*"))


def test_frames_come_out_as_they_went_in():
    data = BEGIN + frame(b"ab\ncd", kind="evidence", name="f.safetensors")
    assert [payload for _, payload in read_frames(data)] == [b"", b"ab\ncd"]


def test_pictures_and_text_are_kept_and_markup_is_not():
    output = nbformat.v4.new_output(
        "display_data",
        data={"text/html": "<script>", "text/plain": "x", "image/png": 'aGk=" onload="x'},
    )
    cell = nbformat.v4.new_code_cell("", outputs=[output])
    payload = nbformat.writes(nbformat.v4.new_notebook(cells=[cell])).encode()
    (kept,) = execution._harmless_outputs(payload, 1000)
    assert kept.data == {"text/plain": "x"}
