"""The mutation score: does the judge catch every wrong answer, name it, and accept right ones?"""

import os
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from multiprocessing import get_context

import torch
from tqdm import tqdm

from autograder.catalogue import all_exercises, find_exercise
from autograder.judge import judge

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


def _is_named(implementation, verdict, single):
    """A single mistake wants its own name; a pair wants either one's or its own."""
    if implementation.key in single:
        return verdict.mistake == implementation.key
    return verdict.mistake is not None


def score_exercise(exercise, seed=SEED):
    """Judge every known implementation of an exercise.

    Args:
        exercise: `Exercise`.
        seed: draws the examples.

    Returns:
        `Score`.
    """
    single = {mistake.key for mistake in exercise.mistakes}
    missed, unnamed = [], []
    wrong = [*exercise.mistakes, *exercise.mistaken_pairs]
    for implementation in wrong:
        verdict = judge(exercise, implementation.function, seed)
        if verdict.points >= exercise.points:
            missed.append(implementation.key)
        elif not _is_named(implementation, verdict, single):
            unnamed.append(implementation.key)
    right = {"reference": exercise.function} | {v.key: v.function for v in exercise.variants}
    false_alarms = [
        k for k, f in right.items() if judge(exercise, f, seed).points < exercise.points
    ]
    return Score(exercise.name, len(wrong), missed, unnamed, len(right), false_alarms)


def _score_by_name(name):
    torch.set_num_threads(1)  # each process has one core
    return score_exercise(find_exercise(name))


def score_table(scores):
    """The scores as lines of text, with a total."""
    lines = [
        f"{'exercise':24} {'wrong':>6} {'caught':>7} {'named':>6} {'right':>6} {'accepted':>9}"
    ]
    for s in scores:
        caught = s.wrong - len(s.missed)
        lines.append(
            f"{s.exercise:24} {s.wrong:6} {caught:7} {caught - len(s.unnamed):6} "
            f"{s.right:6} {s.right - len(s.false_alarms):9}"
        )
        for what in ("missed", "unnamed", "false_alarms"):
            keys = getattr(s, what)
            lines += [f"    {what.replace('_', ' ')}: {', '.join(keys)}"] if keys else []
    return "\n".join(lines)


def main():
    """Score every exercise of the course, as many at a time as there are cores.

    Returns:
        list of `Score` as dicts, and the table as text.
    """
    names = [exercise.name for exercise in all_exercises()]
    with ProcessPoolExecutor(os.cpu_count(), get_context("spawn")) as pool:
        scores = list(tqdm(pool.map(_score_by_name, names), "exercises", len(names)))
    return [asdict(score) for score in scores], score_table(scores)
