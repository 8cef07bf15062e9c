"""Demonstrations are run only where an answer or a cell of the student's own builds on them."""

import time

import pytest
from nbformat import v4

from autograder.needed_cells import needed_cells

DEMONSTRATIONS = ("X = 3", "def helper(x):\n    return x + X", "import numpy as np", "%matplotlib")


def notebooks(answer, edited=None):
    """A release and a submission: four demonstrations around an answer."""
    answers = {"stub": v4.new_code_cell("stub"), "answer": v4.new_code_cell(answer)}
    for cell in answers.values():
        cell.id = "answer"
        cell.metadata.nbgrader = {"grade_id": "answer"}
    demonstrations = [v4.new_code_cell(s, id=f"d{i}") for i, s in enumerate(DEMONSTRATIONS)]
    changed = [v4.new_code_cell(cell.source, id=cell.id) for cell in demonstrations]
    if edited is not None:
        changed[edited].source += "  # mine"
    release = v4.new_notebook(cells=[*demonstrations, answers["stub"]])
    return v4.new_notebook(cells=[*changed, answers["answer"]]), release


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("def f(X):\n    return X.detach()", ["answer"]),
        ("def f(x):\n    return helper(x)", ["d0", "d1", "answer"]),
        ("def f(x):\n    return np.abs(x)", ["d2", "answer"]),
        ("y = X", ["d0", "answer"]),
        ("%time y = X", ["d0", "answer"]),
        ("%%time\ny = helper(2)", ["d0", "d1", "answer"]),
        ("def f(x:\n    return helper(x)", ["answer"]),
    ],
)
def test_what_the_answer_builds_on_is_run(answer, expected):
    assert [cell.id for cell in needed_cells(*notebooks(answer))] == expected


def test_an_edited_demonstration_is_the_students_own():
    found = needed_cells(*notebooks("def f(x):\n    return x", edited=1))
    assert [cell.id for cell in found] == ["d0", "d1", "answer"]


def test_a_release_that_was_not_worked_on_runs_nothing_of_its_demonstrations():
    notebook, release = notebooks("stub")
    assert [cell.id for cell in needed_cells(notebook, release)] == ["answer"]


@pytest.mark.parametrize("line", ["a=!b\n", "a?\n", "a=%b\n"])
def test_28_what_ipython_takes_long_to_transform_is_not_looked_at(line):
    """IPython reads a cell anew for each magic in it; here no limit of the sandbox holds."""
    started = time.monotonic()
    cells = [v4.new_code_cell(line * 3000, id=f"c{i}") for i in range(3)]
    assert needed_cells(v4.new_notebook(cells=cells), v4.new_notebook()) == cells
    assert time.monotonic() - started < 2


def test_28_of_very_much_code_all_is_run():
    cells = [v4.new_code_cell("a = 1\n" * 3000, id=f"c{i}") for i in range(30)]
    release = v4.new_notebook(cells=cells[:1])
    assert needed_cells(v4.new_notebook(cells=cells[1:]), release) == cells[1:]
    assert needed_cells(v4.new_notebook(cells=cells), release) == cells


def test_a_warning_about_a_students_code_is_not_shown(recwarn):
    cell = v4.new_code_cell("'\\d' is '\\\x1b'", id="c")
    assert needed_cells(v4.new_notebook(cells=[cell]), v4.new_notebook()) == [cell]
    assert not recwarn.list
