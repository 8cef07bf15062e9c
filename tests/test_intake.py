"""Whatever is handed in is laid on the release's skeleton, and repairs are told."""

import json

import nbformat
import pytest
from nbconvert.filters.markdown_mistune import markdown2html_mistune
from nbformat import v4

from autograder.intake import _harmless, for_human_eyes, graft, take_in
from autograder.submission_file import SubmittedCell, Unreadable, read_submission

STUB = "def double(x):\n    raise NotImplementedError"
RIGHT = "def double(x):\n    return 2 * x"


def labelled(cell, grade_id, **roles):
    """A cell with nbgrader's metadata, as in a release."""
    cell.id = grade_id
    label = {"grade": False, "locked": False, "solution": False, "task": False}
    cell.metadata.nbgrader = {"grade_id": grade_id, "schema_version": 3} | label | roles
    return cell


@pytest.fixture
def release():
    """A release with a setup cell, prose, an exercise, its test, a demonstration, a question."""
    cells = [
        labelled(v4.new_code_cell("import torch"), "setup_1", locked=True),
        v4.new_markdown_cell("Read this.", id="cell-1"),
        labelled(v4.new_code_cell(STUB), "double", solution=True),
        labelled(v4.new_code_cell("check(double)"), "check_double", locked=True, grade=True),
        v4.new_code_cell("double(2)", id="cell-4"),
        labelled(v4.new_markdown_cell("*Write here.*"), "why", solution=True, grade=True),
    ]
    return v4.new_notebook(cells=cells)


def handed_in(release, **answers):
    """A submission's cells as read: the release's, some with other sources."""
    return [
        SubmittedCell(
            cell.cell_type,
            answers.get(cell.id, cell.source),
            cell.id,
            cell.metadata.get("nbgrader", {}).get("grade_id"),
        )
        for cell in release.cells
    ]


def code(source, cell_id=None, grade_id=None):
    """A code cell of the student's own."""
    return SubmittedCell("code", source, cell_id, grade_id)


def sources(notebook):
    """Source by cell id."""
    return {cell.id: cell.source for cell in notebook.cells}


def test_answers_stand_in_the_releases_order_and_roles(release):
    cells = handed_in(release, double=RIGHT, why="So.")[::-1]
    notebook, repairs = graft(cells, release)
    assert [cell.id for cell in notebook.cells] == [cell.id for cell in release.cells]
    assert sources(notebook)["double"] == RIGHT and sources(notebook)["why"] == "So."
    assert [cell.metadata for cell in notebook.cells] == [cell.metadata for cell in release.cells]
    assert repairs == []
    nbformat.validate(notebook)


def test_a_changed_test_cell_is_put_back(release):
    notebook, repairs = graft(handed_in(release, check_double="4.0"), release)
    assert sources(notebook)["check_double"] == "check(double)"
    assert repairs == ["The locked cell check_double was changed; the original is used."]


def test_a_deleted_test_cell_is_put_back_and_told(release):
    cells = [cell for cell in handed_in(release) if cell.grade_id != "check_double"]
    notebook, repairs = graft(cells, release)
    assert sources(notebook)["check_double"] == "check(double)"
    assert repairs == ["The locked cell check_double was deleted; the original is used."]
    assert for_human_eyes([*repairs, "The cell double is missing."]) == repairs


def test_a_forged_label_is_told_and_changes_nothing(tmp_path, release):
    forged = nbformat.from_dict(release)
    check = next(cell for cell in forged.cells if cell.id == "check_double")
    check.metadata.nbgrader |= {"points": 100, "solution": True}
    check.metadata.tags = ["skip-execution"]
    (tmp_path / "hw.ipynb").write_text(json.dumps(forged), encoding="utf-8")
    notebook, repairs = graft(read_submission(tmp_path / "hw.ipynb"), release)
    assert [cell.metadata for cell in notebook.cells] == [cell.metadata for cell in release.cells]
    assert repairs == [
        "The label of the cell check_double was changed (solution, points, tags); "
        "the original counts."
    ]
    assert for_human_eyes(repairs) == repairs


def test_own_cells_stay_in_front_of_the_cell_they_preceded(release):
    cells = handed_in(release, double=RIGHT)
    cells.insert(2, code("two = 2"))
    cells.append(code("print('end')"))
    notebook, repairs = graft(cells, release)
    order = [cell.source for cell in notebook.cells]
    assert order.index("two = 2") == order.index(RIGHT) - 1
    assert order[-1] == "print('end')"
    assert repairs == []


def test_an_edited_demonstration_stays_in_its_place(release):
    cells = handed_in(release)
    cells[4] = code("double(3)", "cell-4")
    notebook, _ = graft(cells, release)
    assert [cell.source for cell in notebook.cells].index("double(3)") == 4


@pytest.mark.parametrize("keep_ids", [True, False])
def test_answers_are_found_after_all_metadata_was_stripped(release, keep_ids):
    cells = [
        SubmittedCell(cell.kind, cell.source, cell.cell_id if keep_ids else None, None)
        for cell in handed_in(release, double=RIGHT)
    ]
    notebook, repairs = graft(cells, release)
    assert sources(notebook)["double"] == RIGHT
    assert [cell.source for cell in notebook.cells].count(RIGHT) == 1
    assert any("unlabelled" in repair for repair in repairs) != keep_ids


def test_without_any_label_a_written_answer_is_known_by_its_place(release):
    release.cells += [
        labelled(v4.new_markdown_cell("Whither?"), "question_whither", locked=True),
        labelled(v4.new_markdown_cell("*Write here.*"), "whither", solution=True, grade=True),
    ]
    cells = [
        SubmittedCell(cell.kind, cell.source, None, None)
        for cell in handed_in(release, double=RIGHT, why="So.", whither="There.")
    ]
    notebook, repairs = graft(cells, release)
    assert sources(notebook)["why"] == "So." and sources(notebook)["whither"] == "There."
    assert len(notebook.cells) == len(release.cells), "locked cells are not there twice"
    assert repairs == ["The answer to double was found in an unlabelled cell."]


def test_of_two_cells_with_one_label_the_last_that_was_worked_on_counts(release):
    cells = handed_in(release, double="def double(x):\n    return x")
    cells.insert(3, code(RIGHT, None, "double"))
    cells.insert(4, code(STUB, None, "double"))
    notebook, repairs = graft(cells, release)
    assert sources(notebook)["double"] == RIGHT
    assert len(repairs) == 1 and "3 times" in repairs[0]


def test_the_helper_half_of_a_split_cell_still_runs(release):
    cells = handed_in(release, double="def double(x):\n    return times(2, x)")
    cells.insert(2, code("def times(a, b):\n    return a * b", None, "double"))
    notebook, _ = graft(cells, release)
    namespace = {}
    for cell in notebook.cells[2:4]:
        exec(cell.source, namespace)
    assert namespace["double"](4) == 8


def test_a_missing_answer_is_the_stub_and_is_told(release):
    cells = [cell for cell in handed_in(release) if cell.grade_id != "double"]
    notebook, repairs = graft(cells, release)
    assert sources(notebook)["double"] == STUB
    assert repairs == ["The cell double is missing."]


def test_an_answer_in_a_cell_of_ones_own_counts_where_the_given_one_is_untouched(release):
    notebook, repairs = graft([*handed_in(release), code(RIGHT)], release)
    assert sources(notebook)["double"] == RIGHT
    assert repairs == ["The answer to double was found in an unlabelled cell."]


def test_labels_that_the_release_does_not_know_are_the_students_own(release):
    notebook, _ = graft([*handed_in(release), code("x = 1", None, "check_triple")], release)
    assert notebook.cells[-1].source == "x = 1"
    assert notebook.cells[-1].metadata == {}


def as_bytes(release, encoding="utf-8", **changes):
    """The file of a submission with the right answer."""
    release.cells[2].source = RIGHT
    return json.dumps(json.loads(nbformat.writes(release)) | changes).encode(encoding)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_files_of_every_encoding_are_read(release, tmp_path, encoding):
    (tmp_path / "a.ipynb").write_bytes(as_bytes(release, encoding))
    assert RIGHT in [cell.source for cell in read_submission(tmp_path / "a.ipynb")]


def test_the_old_format_with_worksheets_is_read(tmp_path):
    old = {"worksheets": [{"cells": [{"cell_type": "code", "input": [RIGHT]}]}], "nbformat": 3}
    (tmp_path / "a.ipynb").write_text(json.dumps(old), encoding="utf-8")
    assert read_submission(tmp_path / "a.ipynb") == [SubmittedCell("code", RIGHT, None, None)]


def test_outputs_attachments_and_foreign_metadata_are_left_behind(release, tmp_path):
    release.cells[2].metadata.tags = ["skip-execution"]
    release.cells[2].outputs = [v4.new_output("stream", text="10/10")]
    (tmp_path / "a.ipynb").write_bytes(as_bytes(release, metadata={"mine": 1}))
    clean = v4.new_notebook(cells=[nbformat.from_dict(cell) for cell in release.cells])
    clean.cells[2].metadata.pop("tags")
    clean.cells[2].outputs = []
    assert take_in(tmp_path / "a.ipynb", clean).notebook == clean


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b'{"cells": [',
        b"<<<<<<< HEAD\n{}",
        b"[1, 2]",
        b'{"cells": 3}',
        b"\xff\xfe\x00",
        b"[" * 100_000,
        b"\x80\x81",
    ],
)
def test_what_is_no_notebook_gets_a_sentence(release, tmp_path, content):
    (tmp_path / "a.ipynb").write_bytes(content)
    with pytest.raises(Unreadable, match=r"^The file is not a notebook: .+"):
        read_submission(tmp_path / "a.ipynb")
    assert take_in(tmp_path / "a.ipynb", release).notebook == release


@pytest.mark.parametrize(
    "cell",
    [
        {},
        {"cell_type": "code", "source": 3},
        {"cell_type": "code", "source": ["a", 1]},
        {"cell_type": "code", "source": "x", "metadata": 1},
        {"cell_type": "code", "source": "x", "metadata": {"nbgrader": [1]}},
        {"cell_type": "code", "source": "x", "metadata": {"nbgrader": {"grade_id": {}}}, "id": 5},
    ],
)
def test_odd_cells_do_no_harm(release, tmp_path, cell):
    release.cells[2].source = RIGHT
    notebook = json.loads(nbformat.writes(release))
    notebook["cells"].append(cell)
    (tmp_path / "a.ipynb").write_text(json.dumps(notebook), encoding="utf-8")
    intake = take_in(tmp_path / "a.ipynb", release)
    assert sources(intake.notebook)["double"] == RIGHT
    nbformat.validate(intake.notebook)


@pytest.mark.parametrize(
    "link",
    ["[x](javascript:alert(1))", "[x](data:text/html,y)", "![x]( java&#115;cript:y)",
     "[x]: javascript:alert(1)", "$\\href{javascript:alert(1)}{x}$"],
)  # fmt: skip
def test_links_lead_to_pages_and_people_alone(link):
    assert _harmless("markdown", link) != link
    assert _harmless("markdown", "[x](https://y.z) [a](mailto:b@c.d)").count("](") == 2


def test_30_formgrader_fetches_no_picture_that_a_student_names():
    """Its own address takes the settings of any folder: ``formgrader?path=submitted/Mallory``."""
    text = "![x](http://localhost:8888/formgrader?path=a) ![y][z] [![w](https://v)](https://u)"
    shown = markdown2html_mistune(_harmless("markdown", text + "\n\n[z]: https://v/w.png"))
    assert "<img" not in shown and shown.count("<a href") == 3


def test_html_in_a_students_text_is_text(release):
    cells = handed_in(release, why="1 < 2, $a<b$ <<script>alert(1)</script><img src=x onerror=y>")
    cells.append(SubmittedCell("markdown", "<!-- hidden --><b>bold</b>", None, None))
    cells.append(code("print('<b>')"))
    notebook, _ = graft(cells, release)
    assert sources(notebook)["why"].startswith("1 < 2, $a< b$ << script>alert(1)< /script>< img")
    assert [cell.source for cell in notebook.cells[-2:]] == [
        "< !-- hidden -->< b>bold< /b>",
        "print('<b>')",
    ]
