"""The judge and the grader of the course "Seeing with Gradients"."""

import sys

from autograder.catalogue import (
    all_exercises,
    chapters,
    exercises_of,
    find_exercise,
    questions_of,
)
from autograder.exercise import Edit, Exercise, Implementation, WrittenQuestion, exercise
from autograder.judge import judge

# A grammar of addresses that nbformat's validator would read for a second, and never uses.
sys.modules.setdefault("rfc3987_syntax", None)

__all__ = [
    "Edit",
    "Exercise",
    "Implementation",
    "WrittenQuestion",
    "all_exercises",
    "chapters",
    "exercise",
    "exercises_of",
    "find_exercise",
    "judge",
    "questions_of",
]
