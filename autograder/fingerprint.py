"""What tells wrong answers apart: the result on one question that all learners are asked.

Points come from questions of each learner's own, whose wrong results cannot be compared. So the
grader asks one more, the self-check's, that earns nothing.
"""

import hashlib
from functools import lru_cache

import torch

from autograder.judge import SELF_CHECK_SEED, draw_examples
from course_lib.evidence import load_evidence, observe_once
from course_lib.examples import save_examples

DIRECTIONS = 4  # that a result is looked at from
LENGTH = 16  # hexadecimal digits
ROUNDING = 1e-5  # of the right result's length; what differs by less is equal to it


@lru_cache(maxsize=64)
def common_question(exercise):
    """The `Example` that all learners' functions are called with."""
    return draw_examples(exercise, SELF_CHECK_SEED)[0]


def lay_out_common(exercise, folder):
    """Write the common question where `course_lib.evidence.hand_in_common` looks for it."""
    folder.mkdir(exist_ok=True)
    save_examples(folder / f"{exercise.name}.safetensors", [common_question(exercise)])


def fingerprint(exercise, path):
    """A short text that is equal for answers which gave the same on the common question.

    Args:
        exercise: `Exercise`.
        path: file that `course_lib.evidence.hand_in_common` wrote.

    Returns:
        hexadecimal digits; ``""`` for what is right there, and where nothing usable was handed in.
    """
    try:
        (observation,) = load_evidence(path)
    except ValueError:
        return ""
    right = _right(exercise)
    found = digest(observation.first, right)
    return "" if found == digest(right, right) else found


@lru_cache(maxsize=64)
def _right(exercise):
    return observe_once(exercise.function, common_question(exercise))


def digest(result, right):
    """A hash of a result, equal where numbers differ by rounding alone.

    Of each tensor: type, shape, how many numbers are not finite, and of the difference from the
    right one its length and its parts along a few random directions, to a few digits (a random
    projection, as in locality-sensitive hashing).

    Args:
        result, right: `course_lib.evidence.Result`.
    """
    said = [result.kind, result.error, result.text]
    for name, tensor in (result.parts or {}).items():
        expected = (right.parts or {}).get(name)
        said += [name, str(tensor.dtype), str(tuple(tensor.shape)), *_sketch(tensor, expected)]
    return hashlib.sha256("\n".join(said).encode("utf-8", "replace")).hexdigest()[:LENGTH]


def _sketch(tensor, right):
    """A tensor's difference from the right one, or itself where there is none of its shape."""
    values = tensor.to(torch.float64)
    finite, scale = values.isfinite(), 0.0
    if right is not None and right.shape == values.shape:
        values, scale = values - right, float(right.to(torch.float64).norm())
    values = torch.where(finite, values, 0.0).flatten()
    length, strange = float(values.norm()), int((~finite).sum())
    if length <= ROUNDING * scale:
        return [f"{strange}"]
    along = _directions(len(values)) @ values / length
    return [f"{strange} {length:.2e}", *(f"{part:.2f}" for part in along)]


def _directions(size):
    generator = torch.Generator().manual_seed(size)
    return torch.randn(DIRECTIONS, size, dtype=torch.float64, generator=generator)
