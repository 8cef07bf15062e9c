"""Small pages and submissions that several test modules share."""

import json
from dataclasses import dataclass

import nbformat

from autograder import exercises_of, questions_of

HEAD = """---
jupytext: {text_representation: {extension: .md, format_name: myst}}
kernelspec: {display_name: Python 3, language: python, name: python3}
---
"""
SETUP = """# A small page

```{code-cell} ipython3
:tags: [setup]
import torch
```
"""


@dataclass
class FakeExercise:
    """What a page needs to know of an exercise."""

    name: str = "double"
    points: float = 3
    minutes: int = 5
    hints: tuple = ("Think.", "Think *twice*.", "Multiply.")
    expected: str = "double(2) gives 4."
    stub: str = (
        'def double(x):\n    """Twice x."""\n    # TODO: your code here\n'
        '    raise NotImplementedError("double is not written yet")'
    )
    source: str = (
        'def double(x):\n    """Twice x."""\n    ### BEGIN SOLUTION\n'
        "    return 2 * x\n    ### END SOLUTION"
    )


@dataclass
class FakeQuestion:
    """What a page needs to know of a written question."""

    name: str = "why"
    points: float = 2
    answer: str = "Because doubling is linear."
    marking_scheme: str = "One point for *linear*."


def code_cell(source, *tags):
    """A code cell of a page."""
    return f"\n```{{code-cell}} ipython3\n:tags: [{', '.join(tags)}]\n{source}\n```\n"


def exercise_page(exercises, questions=()):
    """A page with these exercises and questions and little else."""
    cells = [code_cell(exercise.stub, "exercise") for exercise in exercises]
    cells += [
        f'\n+++ {{"tags": ["question"], "name": "{question.name}"}}\n\nWhy?\n'
        for question in questions
    ]
    return HEAD + SETUP + "".join(cells)


def write_pages(folder, *chapters):
    """Write small pages of real chapters; returns the folder."""
    for chapter in chapters:
        page = exercise_page(exercises_of(chapter), questions_of(chapter))
        (folder / f"{chapter}.md").write_text(page, encoding="utf-8")
    return folder


def hand_in(course, student, chapter, answers, change=None):
    """Write a submission: the release with these sources, changed by `change(notebook)`."""
    notebook = nbformat.read(course.notebook("release", chapter), 4)
    for cell in notebook.cells:
        cell.source = answers.get(cell.id, cell.source)
    if change:
        change(notebook)
    path = course.notebook("submitted", chapter, student)
    path.parent.mkdir(parents=True)
    path.write_text(nbformat.writes(notebook), encoding="utf-8")


def gradebook_rows(course, chapter, student):
    """What the gradebook holds about a student, without its random ids."""
    with course.gradebook() as gradebook:
        notebook = gradebook.find_submission_notebook(chapter, chapter, student)
        grades = [
            (g.name, g.auto_score, g.manual_score, g.needs_manual_grade, g.score, g.max_score)
            for g in notebook.grades
        ]
        comments = [(c.name, c.auto_comment, c.manual_comment) for c in notebook.comments]
        return sorted(grades), sorted(comments, key=str), notebook.failed_tests


def ledger(course):
    """The ledger's entries, without the time that they took and whether the machine was busy."""
    entries = {}
    for file in sorted((course.root / "ledger").rglob("*.json")):
        entry = json.loads(file.read_text(encoding="utf-8"))
        entries[file.name] = entry | dict.fromkeys(("seconds", "doubt", "repeated"))
    return entries
