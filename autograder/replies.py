"""What a worker's reply may be: the whole examination of the very task that it was given.

A worker may be broken or of another make. Whatever is not understood is refused: nbgrader gives
full points to a test cell without an output, so that a gap would be a gift.
"""

import json
import math
import re

from autograder.catalogue import exercises_of
from autograder.examination import Examination, Task
from autograder.execution import harmless
from autograder.fingerprint import LENGTH
from autograder.walls import SENTENCES

LONGEST_REPLY = 256_000_000  # characters
LONGEST_TEXT = 20_000  # of a message
OUTCOMES = ("done", "error", "stopped", "died", "not run")
VERDICT = {"points", "max_points", "mistake", "message", "rungs", "seed", "fingerprint"}
FINGERPRINT = re.compile(rf"([0-9a-f]{{{LENGTH}}})?")
RUNG = {"name": str, "passed": bool, "message": str, "part": float}


class UnusableReply(ValueError):
    """A reply that is no examination of the task; the text says why."""


def read_reply(reply, task):
    """The `Examination` in a worker's reply to a task, both as JSON.

    Raises:
        UnusableReply: it is none, or that of another task.
    """
    if not isinstance(reply, str) or len(reply) > LONGEST_REPLY:
        raise UnusableReply("the worker's reply is no text, or too long")
    try:
        found = Examination(**json.loads(reply))
        wrong = next(_wrong_parts(found, Task(**json.loads(task))), None)
    except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError):
        wrong = "form"
    if wrong:
        raise UnusableReply(f"the worker's reply cannot be used: its {wrong}")
    return found


def _wrong_parts(found, task):
    """Names of the parts that cannot be right."""
    cells = {cell["id"] for cell in json.loads(task.notebook)["cells"]}
    exercises = [e for e in exercises_of(task.chapter) if f"check_{e.name}" in cells]
    if set(found.exercises) != {exercise.name for exercise in exercises}:
        yield "exercises are not the task's"
    for exercise in exercises:
        verdict, seed = found.exercises[exercise.name], task.seeds[exercise.name]
        if not _is_verdict(verdict, exercise, seed):
            yield f"verdict on {exercise.name} is none on this submission"
        if not _shows(found.outputs[f"check_{exercise.name}"], verdict["points"]):
            yield f"output for {exercise.name} does not show its points"
    others = set(found.outputs) - {f"check_{exercise.name}" for exercise in exercises}
    outputs = [output for name in others for output in found.outputs[name]]
    if not others <= cells or not (task.limits["trusted"] or all(map(_is_harmless, outputs))):
        yield "outputs are not those of the submission's cells"
    if not all(_is_status(status, cells) for status in found.statuses):
        yield "cells ended in no known way"
    if not _is_said(found):
        yield "time, walls or doubt are none"


def _is_verdict(verdict, exercise, seed):
    """Whether it is one on this exercise, on the examples of this student."""
    return (
        set(verdict) == VERDICT
        and (verdict["seed"], verdict["max_points"]) == (seed, exercise.points)
        and _is_between(verdict["points"], exercise.points)
        and (verdict["mistake"] is None or _is_text(verdict["mistake"]))
        and _is_text(verdict["message"])
        and FINGERPRINT.fullmatch(verdict["fingerprint"]) is not None
        and all(_is_rung(rung) for rung in verdict["rungs"])
    )


def _is_between(number, most):
    return type(number) in (int, float) and 0 <= number <= most  # so that NaN is not


def _is_text(text):
    """Whether a database and a file can hold it."""
    return len(text) <= LONGEST_TEXT and "\0" not in text and text.encode("utf-8") is not None


def _is_rung(rung):
    return set(rung) == set(RUNG) and all(isinstance(rung[key], RUNG[key]) for key in RUNG)


def _shows(outputs, points):
    """Whether nbgrader will read the verdict's points from a test cell's outputs."""
    shown, result = outputs
    read = result["data"]["text/plain"]
    kinds = shown["output_type"], result["output_type"]
    return kinds == ("display_data", "execute_result") and read == repr(float(points))


def _is_harmless(output):
    return list(harmless(output)) == [output]


def _is_status(status, cells):
    known = status["cell_id"] in cells and status["outcome"] in OUTCOMES
    return known and len(status) == 3 and _is_text(status["sentence"])


def _is_said(found):
    return (
        type(found.seconds) in (int, float)
        and 0 <= found.seconds < math.inf
        and found.walls in SENTENCES
        and _is_text(found.doubt)
        and found.repeated == ""
    )
