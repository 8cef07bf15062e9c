"""The mutation score: does the judge catch every wrong answer, name it, and accept right ones?"""

import os
import warnings
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from itertools import islice
from multiprocessing import get_context

import torch
from tqdm import tqdm

from autograder.catalogue import all_exercises, find_exercise
from autograder.judge import answers, judge

SEED = 11


@dataclass(frozen=True)
class Score:
    """The judge's score on one exercise.

    Attributes:
        exercise: its name.
        wrong: number of wrong implementations, single mistakes and pairs of them.
        missed: keys of those that got full points.
        unnamed: keys of those that were caught, but under no name or another one's.
        right: number of right implementations.
        false_alarms: keys of those that did not get full points.
    """

    exercise: str
    wrong: int
    missed: list
    unnamed: list
    right: int
    false_alarms: list


def score_exercise(exercise, seed=SEED, pairs=False):
    """Judge the known implementations of an exercise.

    Args:
        exercise: `Exercise`.
        seed: draws the examples.
        pairs: judge also every pair of mistakes, which takes minutes.

    Returns:
        `Score`.
    """
    missed, unnamed = [], []
    wrong = _wrong(exercise, seed, pairs)
    for known, verdict in wrong:
        if verdict.points >= exercise.points:
            missed.append(known.key)
        elif not _is_named(known, verdict):
            unnamed.append(known.key)
    right = {"reference": exercise.function} | {v.key: v.function for v in exercise.variants}
    false_alarms = [
        k for k, f in right.items() if judge(exercise, f, seed).points < exercise.points
    ]
    return Score(exercise.name, len(wrong), missed, unnamed, len(right), false_alarms)


def _wrong(exercise, seed, pairs):
    """Known wrong implementations, each with the verdict on what it did."""
    judged = answers(exercise, seed)
    count = None if pairs else len(exercise.mistakes)
    return [
        (known, judged.verdict([observation.whole for observation in known.observations]))
        for known in islice(judged.mistakes(), count)
    ]


def _is_named(known, verdict):
    """A single mistake wants its own name; a pair wants either one's or its own."""
    if "+" in known.key:
        return verdict.mistake is not None
    return verdict.mistake == known.key


def _score_by_name(name, pairs):
    torch.set_num_threads(1)  # each process has one core
    warnings.simplefilter("ignore")  # wrong answers may well warn
    return score_exercise(find_exercise(name), pairs=pairs)


def score_table(scores):
    """The scores as lines of text, with a total."""
    lines = [
        f"{'exercise':26} {'wrong':>6} {'caught':>7} {'named':>6} {'right':>6} {'accepted':>9}"
    ]
    for s in scores:
        lines.append(_line(s.exercise, _counts(s)))
        for what in ("missed", "unnamed", "false_alarms"):
            keys = getattr(s, what)
            lines += [f"    {what.replace('_', ' ')}: {', '.join(keys)}"] if keys else []
    total = [sum(counts) for counts in zip(*map(_counts, scores), strict=True)]
    return "\n".join([*lines, _line("all", total)])


def _counts(score):
    """Wrong, caught, named, right and accepted implementations."""
    caught = score.wrong - len(score.missed)
    accepted = score.right - len(score.false_alarms)
    return score.wrong, caught, caught - len(score.unnamed), score.right, accepted


def _line(name, counts):
    wrong, caught, named, right, accepted = counts
    return f"{name:26} {wrong:6} {caught:7} {named:6} {right:6} {accepted:9}"


def main(pairs=False):
    """Score every exercise of the course, as many at a time as there are cores.

    Args:
        pairs: judge also every pair of mistakes, which takes minutes.

    Returns:
        list of `Score` as dicts, and the table as text.
    """
    names = [exercise.name for exercise in all_exercises()]
    with ProcessPoolExecutor(os.cpu_count(), get_context("spawn")) as pool:
        found = pool.map(partial(_score_by_name, pairs=pairs), names)
        scores = list(tqdm(found, "exercises", len(names)))
    return [asdict(score) for score in scores], score_table(scores)
