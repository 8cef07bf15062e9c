"""A course with one released exercise and a class that has handed it in."""

import nbformat

from autograder import find_exercise, questions_of
from autograder.release import release

CHAPTER, NAME = "saliency", "compute_saliency_maps"
PAGE = """---
jupytext: {{text_representation: {{extension: .md, format_name: myst}}}}
kernelspec: {{display_name: Python 3, language: python, name: python3}}
---
# A page with the exercise alone

```{{code-cell}} ipython3
:tags: [setup]
import torch
from matplotlib import pyplot
```

```{{code-cell}} ipython3
:tags: [exercise]
{stub}
```
"""


def make_course(course, folder, kinds):
    """Release the exercise and hand it in once for each of `kinds`, keys of `answers()`."""
    release(course, [CHAPTER], write_page(folder))
    hand_in(course.root, kinds)


def write_page(folder):
    """A page with the exercise, and with the chapter's written questions, which earn nothing."""
    page = PAGE.format(stub=find_exercise(NAME).stub)
    for question in questions_of(CHAPTER):
        page += f'\n+++ {{"tags": ["question"], "name": "{question.name}"}}\n\nWhy?\n'
    (folder / f"{CHAPTER}.md").write_text(page, encoding="utf-8")
    return folder


def hand_in(root, kinds):
    """Submissions of the students s0, s1, ... in the course folder `root`."""
    sources = answers()
    for number, kind in enumerate(kinds):
        notebook = nbformat.read(root / "release" / CHAPTER / f"{CHAPTER}.ipynb", 4)
        for cell in notebook.cells:
            cell.source = sources[kind] if cell.id == NAME else cell.source
        path = root / "submitted" / f"s{number}" / CHAPTER / f"{CHAPTER}.ipynb"
        path.parent.mkdir(parents=True)
        nbformat.write(notebook, path)


def answers():
    """Sources of the exercise's cell by kind; the last three are hostile."""
    exercise = find_exercise(NAME)
    head = f"def {NAME}(X, y, model):\n    "
    return {
        "right": exercise.source,
        "wrong": next(m.source for m in exercise.mistakes if m.key == "cross_entropy"),
        "failing": head + "raise ValueError('no')",
        "untouched": exercise.stub,
        "endless": head + "while True: pass",
        "gone": head + "import os; os._exit(0)",
        "greedy": head + "x = []\n    while True: x.append(bytearray(10**7))",
    }
