"""Find exercises and written questions: which chapters there are, and what they ask."""

import importlib
from functools import lru_cache
from pathlib import Path

import yaml

from autograder.exercise import Exercise, WrittenQuestion
from course_lib.checks import unknown_name

ROOT = Path(__file__).parents[1]


@lru_cache(maxsize=1)  # a grader asks for each submission
def pages():
    """Stems of all pages, a tuple in the order of ``_toc.yml``."""
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    listed = list(toc.get("chapters", []))
    for part in toc.get("parts", []):
        listed += part["chapters"]
    return (Path(toc["root"]).name, *(Path(item["file"]).name for item in listed))


@lru_cache(maxsize=1)
def chapters():
    """Stems of the pages that have exercises, a tuple in order."""
    return tuple(stem for stem in pages() if (ROOT / "solutions" / f"{stem}.py").exists())


def _members(chapter, kind):
    if chapter not in chapters():
        raise ValueError(unknown_name("chapter", chapter, chapters()))
    module = importlib.import_module(f"solutions.{chapter}")
    return tuple(value for value in vars(module).values() if type(value) is kind)


def exercises_of(chapter):
    """The exercises of a chapter, in the order of its module.

    Raises:
        ValueError: no such chapter; the message lists the right ones.
    """
    found = _members(chapter, Exercise)
    return tuple(e for e in found if e.chapter == chapter)


def questions_of(chapter):
    """The written questions of a chapter, in the order of its module."""
    return _members(chapter, WrittenQuestion)


def all_exercises():
    """Every exercise of the course, in order."""
    return [exercise for chapter in chapters() for exercise in exercises_of(chapter)]


def find_exercise(name):
    """The exercise of this name.

    Raises:
        ValueError: no such exercise; the message lists the right ones.
    """
    known = {exercise.name: exercise for exercise in all_exercises()}
    if name not in known:
        raise ValueError(unknown_name("exercise", name, known))
    return known[name]
