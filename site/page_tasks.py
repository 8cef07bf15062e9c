"""A Sphinx extension: exercises and written questions can be found, linked and answered.

Every exercise gets an anchor and an index entry, which the search lists. Behind each exercise and
question stands a comment, where site/solutions_edition.py puts the answer.
"""

import re

from docutils import nodes
from sphinx import addnodes
from sphinx.transforms import SphinxTransform

FUNCTION = re.compile(r"^def (\w+)\(", re.MULTILINE)
QUESTION = re.compile(
    r'^\+\+\+ \{.*"question".*"name": "(?P<name>\w+)"\}$.*?^\n(?=^\+\+\+|^```\{code-cell)',
    re.MULTILINE | re.DOTALL,
)


def setup(app):
    app.connect("source-read", mark_questions)
    app.add_transform(MarkExercises)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def answer_mark(name):
    """The comment behind an exercise or a question."""
    return f"<!-- the answer to {name} -->"


def mark_questions(app, docname, source):
    """Put the mark on the blank line that ends a question, so that line numbers stay."""
    source[0] = QUESTION.sub(
        lambda found: found[0].removesuffix("\n") + answer_mark(found["name"]) + "\n", source[0]
    )


class MarkExercises(SphinxTransform):
    """Give each cell tagged `exercise` an anchor, an index entry and the mark."""

    default_priority = 400  # before the index is collected

    def apply(self):
        for cell in list(self.document.findall(nodes.container)):
            if "tag_exercise" in cell["classes"]:
                mark_exercise(cell)


def mark_exercise(cell):
    name = FUNCTION.findall(cell.astext())[-1]
    anchor = nodes.make_id(f"exercise-{name}")
    cell["ids"].append(anchor)
    entry = addnodes.index(entries=[("single", name, anchor, "", None)])
    mark = nodes.raw("", answer_mark(name), format="html")
    place = cell.parent.index(cell)
    cell.parent[place : place + 1] = [entry, cell, mark]
