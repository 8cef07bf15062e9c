"""One class, half of it hostile, through the real grading: each ends with a status and its points.

The numbers are the rows of the course's list of threats. What is done inside the sandbox stands
in test_attacks, what is done to a file or its folder also in test_intake and test_collecting.
"""

import os

import psutil
import pytest
from course_pages import gradebook_rows, hand_in, write_pages
from nbformat.v4 import new_code_cell, new_markdown_cell, new_output

from autograder import find_exercise, sandbox
from autograder.course import Course
from autograder.feedback import write_feedback
from autograder.grading import grade
from autograder.records import AWAITS, GRADED, UNREADABLE
from autograder.release import release
from autograder.report import write_report
from autograder.statuses import Limits

CHAPTER, NAME = "saliency", "compute_saliency_maps"
LIMITS = Limits(cell_seconds=5, submission_seconds=20)
RIGHT, FULL = find_exercise(NAME).source, find_exercise(NAME).points
WRONG = f"def {NAME}(X, y, model):\n    return X[:, 0] * 0 + 1.0\n"
HARD_CODED = f"""from course_lib.examples import load_packed
known = load_packed("checks/{NAME}.safetensors")["right"]
def {NAME}(X, y, model):
    right = [item["first"]["tensor"] for item in known]
    return next((t for t in right if t is not None and len(t) == len(X)), right[0])
"""
WRITES = f"""def {NAME}(X, y, model):
    import os
    for folder in ({{root!r}}, "/exchange", "/edition", "/tmp/..", os.path.expanduser("~root")):
        for name in ("victim", "gradebook.db", "nbgrader_config.py"):
            try: open(os.path.join(folder, name), "wb").write(b"x")
            except OSError: pass
    return X[:, 0]
"""


def check_cell(notebook):
    (cell,) = [cell for cell in notebook.cells if cell.id == f"check_{NAME}"]
    return cell


def skip_execution(notebook):
    check_cell(notebook).metadata.tags = ["skip-execution"]


def no_test_and_no_metadata(notebook):
    notebook.cells.remove(check_cell(notebook))
    for cell in notebook.cells:
        cell.metadata = {}


def odd_schemas(notebook):
    for cell, version in zip(notebook.cells, [0, 1, 99, "x", None, [], {}] * 9, strict=False):
        cell.metadata["nbgrader"] = {"schema_version": version, "grade_id": cell.id, "grade": "a"}
    notebook.metadata["kernelspec"] = {"name": ["x"], "language": 1}


def roles_and_points(notebook):
    cell = check_cell(notebook)
    cell.metadata["nbgrader"] |= {"points": 1e308, "solution": True, "locked": False}
    cell.source = "1e308"
    notebook.cells[notebook.cells.index(cell)] = new_markdown_cell("6.0", metadata=cell.metadata)


def reordered(notebook):
    notebook.cells.insert(0, new_code_cell(check_cell(notebook).source, id="a-copy"))
    notebook.cells[1:] = notebook.cells[:0:-1]


def doubled(notebook):
    (answer,) = [cell for cell in notebook.cells if cell.id == NAME]
    notebook.cells.append(new_code_cell(answer.source, id="again", metadata=answer.metadata))


def painted(notebook):
    page = "<script>alert(1)</script><style>h4 {display: none}</style><h4>Score: 8 / 8</h4>"
    check_cell(notebook).outputs = [new_output("execute_result", data={"text/html": page})]
    notebook.cells.append(new_markdown_cell(page))


TAMPERED = {
    "1": skip_execution,
    "2": no_test_and_no_metadata,
    "3": doubled,
    "4": odd_schemas,
    "5": roles_and_points,
    "6": reordered,
    "30": painted,
}
FILES = {
    "BOM": (lambda content: b"\xef\xbb\xbf" + content, GRADED),
    "UTF-16": (lambda content: content.decode().encode("utf-16"), GRADED),
    "CRLF": (lambda content: content.replace(b"\n", b"\r\n"), GRADED),
    "cut off": (lambda content: content[: len(content) // 2], UNREADABLE),
    "merged": (lambda content: b"<<<<<<< HEAD\n" + content, UNREADABLE),
    "deep": (lambda content: b"[" * 10**6, UNREADABLE),
}


def link(course, student):
    """The folder of the chapter leads to the neighbour's."""
    path = course.folder("submitted", CHAPTER, student)
    path.parent.mkdir()
    path.symlink_to(course.folder("submitted", CHAPTER, "Ada"))


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A course with two honest neighbours and the others between them."""
    course = Course.open(tmp_path_factory.mktemp("course"))
    release(course, [CHAPTER], write_pages(tmp_path_factory.mktemp("pages"), CHAPTER))
    for student in ("Ada", "Zoe"):
        hand_in(course, student, CHAPTER, {NAME: RIGHT})
    for row, change in TAMPERED.items():
        hand_in(course, f"Mallory {row} wrong", CHAPTER, {NAME: WRONG}, change)
        hand_in(course, f"Mallory {row} right", CHAPTER, {NAME: RIGHT}, change)
    for name, (change, _) in FILES.items():
        hand_in(course, name, CHAPTER, {NAME: RIGHT})
        path = course.notebook("submitted", CHAPTER, name)
        path.write_bytes(change(path.read_bytes()))
    hand_in(course, "Mallory 21", CHAPTER, {NAME: WRITES.format(root=str(course.root))})
    hand_in(course, "Mallory 23", CHAPTER, {NAME: HARD_CODED})
    link(course, "Mallory 27")
    os.mkdir(os.fsencode(course.root) + b"/submitted/=\xff\x1b[31m")
    os.mkdir(os.fsencode(course.root) + b"/submitted/=\xff\x1b[31m/saliency")
    return course


@pytest.fixture(scope="module")
def rows(course):
    """The class's results by student."""
    found = grade(course, course.root / "submitted", [CHAPTER], jobs=1, limits=LIMITS, silent=True)
    return {row["student"]: row for row in found}


def test_the_neighbours_have_what_they_earned(course, rows):
    assert [rows[s]["points"][NAME] for s in ("Ada", "Zoe")] == [FULL, FULL]
    ada, zoe = (gradebook_rows(course, CHAPTER, student) for student in ("Ada", "Zoe"))
    assert ada == zoe and rows["Ada"]["status"] == rows["Zoe"]["status"] == GRADED


@pytest.mark.parametrize("row", TAMPERED)
def test_who_tampers_with_the_notebook_gets_what_the_answer_is_worth(rows, row):
    wrong, right = rows[f"Mallory {row} wrong"], rows[f"Mallory {row} right"]
    assert (wrong["points"][NAME], right["points"][NAME]) == (0, FULL)
    assert wrong["max_points"] == rows["Ada"]["max_points"]


@pytest.mark.parametrize("name", FILES)
def test_28_each_file_ends_with_a_status(rows, name):
    status = FILES[name][1]
    assert rows[name]["status"] == status
    assert rows[name]["points"][NAME] == (FULL if status == GRADED else 0)


def test_21_nothing_is_written_outside(course, rows):
    assert rows["Mallory 21"]["points"][NAME] == 0
    assert not list(course.root.rglob("victim"))


def test_23_the_answers_to_the_self_check_earn_nothing(rows):
    assert rows["Mallory 23"]["points"][NAME] == 0


def test_26_27_a_link_to_the_neighbours_work_waits_for_a_human(rows):
    assert rows["Mallory 27"]["status"] == AWAITS and not rows["Mallory 27"]["points"]
    assert "is a link" in rows["Mallory 27"]["sentence"]


def test_32_a_folder_with_an_impossible_name_waits_and_spoils_no_page(course, rows):
    assert rows["=\\udcff\\x1b[31m"]["status"] == AWAITS
    page = write_report(course, CHAPTER).read_text(encoding="utf-8")
    assert "=\\udcff\\x1b[31m" in page and "\x1b" not in page and "<script" not in page


def test_30_no_page_of_feedback_runs_or_paints_anything(course, rows):
    for path in write_feedback(course, CHAPTER):
        page = path.read_text(encoding="utf-8")
        assert "<script" not in page and "8 / 8</h4>" not in page


def test_18_nothing_is_left_running(rows):
    names = [process.name() for process in psutil.Process().children(recursive=True)]
    assert names.count("bwrap") <= 2 * len(sandbox._kept), "the workers' sandboxes are gone"
