"""Who may import whom: course_lib <- autograder <- solutions <- chapters, one way."""

import ast
from pathlib import Path

import pytest

from autograder import all_exercises

ROOT = Path(__file__).parents[1]
ROOMS = {
    "course_lib": {"course_lib"},
    "autograder": {"course_lib", "autograder"},
    "solutions": {"course_lib", "autograder", "solutions"},
}
MODULES = [path for room in ROOMS for path in sorted((ROOT / room).rglob("*.py"))]


def imported_rooms(source):
    """First names of all absolute imports, also those inside functions."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield node.module.partition(".")[0]


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_a_room_imports_only_rooms_below_it(path):
    room = path.relative_to(ROOT).parts[0]
    imported = set(imported_rooms(path.read_text(encoding="utf-8"))) & set(ROOMS)
    assert imported <= ROOMS[room], f"{room} may import {ROOMS[room]} only"


def test_the_rule_would_notice():
    assert set(imported_rooms("def f():\n    from solutions.saliency import x")) == {"solutions"}


def test_every_solution_has_a_page():
    for path in (ROOT / "solutions").glob("[a-z]*.py"):
        assert (ROOT / "chapters" / f"{path.stem}.md").exists()


def test_course_lib_lists_its_whole_surface():
    import course_lib

    assert all(hasattr(course_lib, name) for name in course_lib.__all__)


@pytest.mark.parametrize("exercise", all_exercises(), ids=lambda e: e.name)
def test_a_page_shows_the_card_of_each_exercise(exercise):
    """Points, minutes, hints and the number to see."""
    page = (ROOT / "chapters" / f"{exercise.chapter}.md").read_text(encoding="utf-8")
    assert f"exercise_card({exercise.name})" in page
