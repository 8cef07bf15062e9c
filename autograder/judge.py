"""The judge: examples drawn from a seed, the right and the known wrong answers, a verdict.

`judge` is for trusted code in this process. In grading, a learner's function runs elsewhere and
`judge_evidence` looks at what it handed in.
"""

from dataclasses import replace
from functools import lru_cache
from itertools import chain

import torch

from autograder.catalogue import find_exercise
from autograder.exercise import Exercise
from course_lib.evidence import (
    Observation,
    Result,
    load_evidence,
    observations_to_plain,
    observe_all,
    observe_lazily,
    observe_once,
)
from course_lib.examples import save_packed
from course_lib.verdict import KnownMistake, give_verdict, refuse

SELF_CHECK_SEED = 0


def _as_exercise(exercise):
    return exercise if isinstance(exercise, Exercise) else find_exercise(exercise)


def draw_examples(exercise, seed):
    """The examples of an exercise for one seed.

    Args:
        exercise: `Exercise` or its name.
        seed: int; the same seed gives the same examples.

    Returns:
        list of `Example`, the main one first.
    """
    return _as_exercise(exercise).draw_examples(torch.Generator().manual_seed(seed))


class Answers:
    """The right results and the known wrong ones on one seed's examples, each made when needed."""

    def __init__(self, exercise, seed):
        self.exercise = exercise
        self.examples = draw_examples(exercise, seed)
        self.right = observe_all(exercise.function, self.examples)
        self._mistakes = {}

    def mistakes(self):
        """Single mistakes, then pairs.

        Yields:
            `KnownMistake`, run on an example only when somebody looks.
        """
        for made in chain(self.exercise.mistakes, _pairs(self.exercise)):
            if made.key not in self._mistakes:
                observations = observe_lazily(made.function, self.examples)
                self._mistakes[made.key] = KnownMistake(made.key, made.says, observations)
            yield self._mistakes[made.key]

    def verdict(self, observations):
        """`Verdict` on what a function did with the examples."""
        exercise = self.exercise
        return give_verdict(
            exercise.name,
            exercise.points,
            self.examples,
            self.right,
            self._candidates(observations),
            observations,
        )

    def _candidates(self, observations):
        """The mistakes that may explain the observations: for an error, those that raise it."""
        error = observations[0].first.error if observations else ""
        if not error:
            return self.mistakes()
        raised = errors_raised(self.exercise)
        return (mistake for mistake in self.mistakes() if raised[mistake.key] == error)


def _pairs(exercise):
    """The pairs of mistakes, compiled only if the single ones did not do."""
    yield from exercise.mistaken_pairs


@lru_cache(maxsize=16)
def answers(exercise, seed):
    """`Answers` of an exercise, kept for the seeds used last."""
    return Answers(exercise, seed)


@lru_cache(maxsize=64)
def errors_raised(exercise):
    """By mistake the error that it raises on the self-check's main example; "" for none.

    Hardly any depends on the seed; one that does may go unnamed. It earns nothing either way.
    """
    known = answers(exercise, SELF_CHECK_SEED)
    return {mistake.key: mistake.observations[0].first.error for mistake in known.mistakes()}


def judge(exercise, function, seed=SELF_CHECK_SEED):
    """Judge a function in this process: for trusted code only.

    Args:
        exercise: `Exercise` or its name.
        function: what to judge.
        seed: draws the examples.

    Returns:
        `Verdict`.

    Raises:
        ValueError: no such exercise.
    """
    known = answers(_as_exercise(exercise), seed)
    return known.verdict(observe_all(function, known.examples))


def judge_evidence(exercise, seed, path, reason=None):
    """Judge what a learner's process handed in.

    Args:
        exercise: `Exercise` or its name.
        seed: drew the examples that were laid out.
        path: file that `course_lib.evidence.hand_in` wrote, or None.
        reason: why there is none, as far as is known.

    Returns:
        `Verdict`; no points where the file is missing or cannot be read.
    """
    exercise = _as_exercise(exercise)
    if path is None or not path.exists():
        why = reason or "The check did not run: nothing was handed in."
        return refuse(exercise.name, exercise.points, why)
    try:
        observations = load_evidence(path)
    except ValueError as error:
        why = f"What was handed in cannot be used: {error}."
        return refuse(exercise.name, exercise.points, why)
    return answers(exercise, seed).verdict(observations)


def _plain(mistake, observations):
    return {
        "key": mistake.key,
        "says": mistake.says,
        "observations": observations_to_plain(observations),
    }


def _first_values(implementation, examples):
    """What decides the values rung, in single precision, and nothing else: pairs are many."""
    nothing = Observation(Result(), Result())
    for example in examples:
        if example.rung != "values":
            yield nothing
            continue
        first = observe_once(implementation.function, example).changed(torch.Tensor.float)
        yield replace(nothing, first=first)


def save_self_check(exercise, path, seed=SELF_CHECK_SEED):
    """Write what `course_lib.check` needs: examples, right results, and known wrong ones.

    Args:
        exercise: `Exercise` or its name.
        path: file to write; the same bytes each time.
    """
    exercise = _as_exercise(exercise)
    examples = draw_examples(exercise, seed)
    right = observe_all(exercise.function, examples)
    looked_at = [(m, observe_lazily(m.function, examples)) for m in exercise.mistakes]
    single = [_plain(m, [observed.whole for observed in lazy]) for m, lazy in looked_at]
    pairs = [_plain(m, _first_values(m, examples)) for m in exercise.mistaken_pairs]
    save_packed(
        path,
        {
            "exercise": exercise.name,
            "points": exercise.points,
            "examples": [vars(example) for example in examples],
            "right": observations_to_plain(right),
            "mistakes": single + pairs,
        },
    )
