"""What formgrader shows of a student's work takes no long time and runs nothing."""

import time

import pytest
from nbconvert.exporters import HTMLExporter
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from nbgrader.server_extensions.formgrader import handlers
from traitlets.config import Config

from autograder import formgrader_view
from autograder.course import configure

RESOURCES = {"base_url": "", "notebook_path": "x", "submission_id": "x", "index": 0, "total": 1,
             "assignment_id": "x", "notebook_id": "x", "student": "Ada"}  # fmt: skip


def page(*cells):
    """The page as formgrader makes it from the course's settings."""
    config = Config()
    configure(config)
    config.HTMLExporter.template_name = "formgrade"
    config.HTMLExporter.extra_template_basedirs = [handlers.template_path]
    notebook = new_notebook(cells=list(cells))
    return HTMLExporter(config=config).from_notebook_node(notebook, dict(RESOURCES))[0]


@pytest.mark.parametrize(
    "cell",
    [new_markdown_cell("\\begin{a}<b>" * 20_000), new_code_cell("x = '<b>'\n" * 60_000)],
    ids=["md", "code"],
)
def test_28_what_takes_hours_to_be_shown_is_shown_as_it_was_typed(monkeypatch, cell):
    monkeypatch.setattr(formgrader_view, "CELL_SECONDS", 0.2)
    begun = time.process_time()
    shown = page(cell, new_markdown_cell("The *next* cell."), new_code_cell("import torch"))
    assert time.process_time() - begun < 20
    assert "<pre>" in shown and "&lt;b&gt;" in shown and "<b>" not in shown
    assert "The <em>next</em> cell." in shown and '<span class="kn">import</span>' in shown
