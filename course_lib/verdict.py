"""From evidence to a verdict: which rungs a learner's function reached, and which mistake it shows.

A submission is compared with the reference's observations on the same examples and, where it
differs, with those of known wrong implementations: equal outputs name the mistake.
"""

from dataclasses import asdict, dataclass, field, replace

import torch

from course_lib.differences import describe_difference, name_relation, why_other_form
from course_lib.traces import describe

PARTS = {  # share of an exercise's points that each rung earns
    "runs": 0.05,
    "shape": 0.05,
    "values": 0.6,
    "one image": 0.1,
    "repeatable": 0.1,
    "leaves no trace": 0.05,
    "ends": 0.05,
}
EARLY_RUNGS = ("runs", "shape", "values")  # equal there means equal in all rungs before
TOLERANCE = 1e-6  # of the largest expected value; float64
SINGLE_PRECISION = 1e-5
NOT_WRITTEN = "Not written yet"  # how the message begins where nobody has tried


@dataclass(frozen=True)
class KnownMistake:
    """A wrong implementation and what it did on the examples.

    Attributes:
        key: short name.
        says: one or two sentences for the learner.
        observations: list of `Observation`, one per example.
    """

    key: str
    says: str
    observations: list


@dataclass(frozen=True)
class Rung:
    """One step of the ladder: reached or not, why not, and its share of the points."""

    name: str
    passed: bool
    message: str = ""
    part: float = 0.0


@dataclass(frozen=True)
class Verdict:
    """What the judge says about one function.

    Attributes:
        exercise: the exercise's name.
        points, max_points: earned and to be had.
        mistake: key of the recognised mistake, or None.
        message: one to three sentences for the learner.
        rungs: tuple of `Rung`.
        pictures: ``(yours, expected)`` 2-D lists of numbers of the worst place, or None.
    """

    exercise: str
    points: float
    max_points: float
    mistake: str | None
    message: str
    rungs: tuple = ()
    pictures: tuple | None = field(default=None, repr=False)

    def to_dict(self):
        """Plain data for JSON, without the pictures."""
        return asdict(replace(self, pictures=None))

    def _repr_html_(self):
        from course_lib.verdict_view import verdict_html

        return verdict_html(self)

    def ladder(self):
        """A line for the rungs that were reached, one for the others; none where nothing ran."""
        if not self.rungs or not self.rungs[0].passed:
            return
        for words, passed in (("Reached", True), ("Not reached", False)):
            names = ", ".join(rung.name for rung in self.rungs if rung.passed is passed)
            if names:
                yield f"{words}: {names}"

    def __str__(self):
        points = f"{self.exercise}: {self.points:g} of {self.max_points:g} points"
        return "\n".join([points, *self.ladder(), self.message])


def equal(result, expected):
    """Do two `Result` agree: the same error, or tensors equal up to rounding?

    Dicts of tensors agree when their names do, in the same order, and the tensors of each name.
    """
    if expected.parts is None or result.parts is None:
        return (result.error, result.kind) == (expected.error, expected.kind)
    if (result.tensor is None) != (expected.tensor is None):
        return False
    mine, right = result.parts, expected.parts
    return list(mine) == list(right) and all(_near(mine[name], right[name]) for name in right)


def _near(mine, right):
    """Are two tensors equal up to rounding?"""
    if mine.shape != right.shape:
        return False
    single = mine.dtype != torch.float64 or right.dtype != torch.float64
    scale = float(right.double().nan_to_num().abs().max()) if right.numel() else 0.0
    tolerance = (SINGLE_PRECISION if single else TOLERANCE) * scale
    return torch.allclose(mine.double(), right.double(), rtol=0, atol=tolerance, equal_nan=True)


def _of_rung(examples, rung):
    return [i for i, example in enumerate(examples) if example.rung == rung]


def _all_first_equal(mine, right, places):
    return all(equal(mine[i].first, right[i].first) for i in places)


class Ladder:
    """The rungs, one method each; `mine` and `right` are lists of `Observation`."""

    def __init__(self, examples, right):
        self.examples, self.right = examples, right

    def climb(self, mine):
        """Which rungs are passed.

        Returns:
            dict from rung name to bool, in the ladder's order.
        """
        checks = (self.runs, self.shape, self.values, self.one_image, self.repeatable,
                  self.no_trace, self.ends)  # fmt: skip
        return {name: check(mine) for name, check in zip(PARTS, checks, strict=True)}

    def runs(self, mine):
        return not mine[0].first.error

    def shape(self, mine):
        return not why_other_form(mine[0].first, self.right[0].first)

    def values(self, mine):
        return _all_first_equal(mine, self.right, _of_rung(self.examples, "values"))

    def one_image(self, mine):
        return _all_first_equal(mine, self.right, _of_rung(self.examples, "one image"))

    def repeatable(self, mine):
        """The same again, and, for right values, also in the mode that was handed over."""
        if not self.runs(mine):
            return False
        places = _of_rung(self.examples, "repeatable")
        again = all(equal(o.second, o.first) for o in mine)
        return again and (not self.values(mine) or _all_first_equal(mine, self.right, places))

    def no_trace(self, mine):
        return self.runs(mine) and not any(o.traces for o in mine) and not self.unrefused(mine)

    def unrefused(self, mine):
        """The first example that the reference refuses and this function does not, or None."""
        for i in _of_rung(self.examples, "leaves no trace"):
            if self.right[i].first.error and not mine[i].first.error:
                return self.examples[i]
        return None

    def ends(self, mine):
        return not any(_never_ends(o) for o in mine)

    def same_failure(self, rung, mine, theirs):
        """Do two sets of observations fail a rung in the same way?"""
        places = _of_rung(self.examples, rung)
        if rung in ("runs", "shape"):
            return _same_failed_run(mine[0].first, theirs[0].first)
        if rung in ("values", "one image"):
            return _all_first_equal(mine, theirs, places)
        if rung == "repeatable":
            seconds = all(equal(m.second, t.second) for m, t in zip(mine, theirs, strict=True))
            return seconds and _all_first_equal(mine, theirs, places)
        if rung == "leaves no trace":
            return self.unrefused(mine) is self.unrefused(theirs) and all(
                {t for t, _ in m.traces} == {t for t, _ in their.traces}
                for m, their in zip(mine, theirs, strict=True)
            )
        return True


def _same_failed_run(mine, theirs):
    return equal(mine, theirs) and mine.text == theirs.text


def _never_ends(observation):
    return "TooManyForwardPasses" in (observation.first.error, observation.second.error)


def recognise(ladder, mine, mistakes):
    """The first known mistake that fails the same first rung in the same way.

    Args:
        ladder: `Ladder`.
        mine: the submission's observations.
        mistakes: iterable of `KnownMistake`; read only as far as needed.

    Returns:
        `KnownMistake` or None.
    """
    rung = first_failed(ladder.climb(mine))
    for mistake in mistakes:
        theirs = mistake.observations
        if not ladder.same_failure(rung, mine, theirs):
            continue
        if rung in EARLY_RUNGS or first_failed(ladder.climb(theirs)) == rung:
            return mistake
    return None


def first_failed(passed):
    """Name of the first rung not reached, or None."""
    return next((name for name, ok in passed.items() if not ok), None)


def give_verdict(exercise, max_points, examples, right, mistakes, mine):
    """Judge observations.

    Args:
        exercise: name of the exercise.
        max_points: its points.
        examples: list of `Example`; the first is the main one.
        right: the reference's observations on them.
        mistakes: iterable of `KnownMistake` on the same examples.
        mine: the submission's observations on the same examples.

    Returns:
        `Verdict`. Without right values no rung earns anything, unless the mistake is recognised
        and the shape right: noise and constants earn nothing, nor does a mistake that gives one.
    """
    if len(mine) != len(examples):
        return refuse(exercise, max_points, f"{len(mine)} of {len(examples)} examples were run.")
    ladder = Ladder(examples, right)
    passed = ladder.climb(mine)
    failed = first_failed(passed)
    known = recognise(ladder, mine, mistakes) if failed else None
    relation = name_relation(ladder, mine) if failed == "values" and known is None else None
    named = known or relation
    earns = passed["values"] or (
        named is not None and passed["shape"] and not _is_constant(mine[0].first)
    )
    rungs = tuple(
        Rung(name, ok, "" if ok else _why(name, ladder, mine), PARTS[name] * max_points)
        for name, ok in passed.items()
    )
    points = sum(rung.part for rung in rungs if rung.passed) if earns else 0.0
    return Verdict(
        exercise,
        round(points, 2),
        max_points,
        named.key if named else None,
        _message(rungs, failed, named),
        rungs,
        _pictures(ladder, mine) if failed == "values" else None,
    )


def _is_constant(result):
    """Is every number of the result the same one?"""
    numbers = torch.cat([part.double().flatten() for part in (result.parts or {}).values()])
    return len(numbers) > 1 and bool((numbers == numbers[0]).all())


def refuse(exercise, max_points, reason):
    """A verdict of no points, for a reason."""
    return Verdict(exercise, 0.0, max_points, None, reason)


def _message(rungs, failed, named):
    if failed is None:
        return "All right."
    first = next(rung for rung in rungs if rung.name == failed)
    others = [r.message for r in rungs if not r.passed and r.name != failed and r.message]
    if failed in ("shape", "values"):  # the rest would say the same in other words
        others = [r.message for r in rungs if r.name == "leaves no trace" and r.message]
    elif failed == "runs":
        others = []
    return " ".join([*([named.says] if named else []), first.message, *others])


def _why(rung, ladder, mine):
    """The sentence for a rung that was not reached."""
    name = ladder.examples[0].name
    got, expected = mine[0].first, ladder.right[0].first
    if rung == "runs":
        return _why_it_stopped(got, name)
    if rung == "shape":
        return f"On {name} {why_other_form(got, expected)}."
    if rung == "values":
        return describe_difference(ladder, mine, "values")
    if rung == "one image":
        return describe_difference(ladder, mine, "one image")
    if rung == "repeatable":
        return _why_not_repeatable(ladder, mine)
    if rung == "leaves no trace":
        return _why_traces(ladder, mine)
    return "It never ends on an example: give the loop a last iteration."


def _why_it_stopped(result, name):
    if result.error == "NotImplementedError":
        return f"{NOT_WRITTEN}: the cell still raises NotImplementedError."
    if result.error == "TooManyForwardPasses":
        return f"On {name} it was stopped after {result.text}: the loop does not end."
    text = f": {result.text}" if result.text else "."
    return f"On {name} it stopped with {result.error}{text}"


def _why_traces(ladder, mine):
    traces = {tuple(trace): None for o in mine for trace in o.traces}
    left = f"After the call, {describe(traces)}." if traces else ""
    example = ladder.unrefused(mine)
    refuse = f"On {example.name} it gave a result; expected an error." if example else ""
    return " ".join(filter(None, (left, refuse)))


def _why_not_repeatable(ladder, mine):
    for example, observation in zip(ladder.examples, mine, strict=True):
        if not equal(observation.second, observation.first):
            return (
                f"Called twice with the same arguments ({example.name}), it gave two different "
                "results."
            )
    return describe_difference(ladder, mine, "repeatable")


def _pictures(ladder, mine):
    """The worst image of the main example, as ``(yours, expected)``, where both are maps."""
    got, expected = _first_different_part(mine[0].first, ladder.right[0].first)
    if got is None or got.shape != expected.shape or expected.dim() < 3:
        return None
    if not got.isfinite().all():
        return None
    worst = int((got.double() - expected).abs().flatten(1).amax(1).argmax())
    return tuple(_as_map(t[worst]).tolist() for t in (got.double(), expected.double()))


def _first_different_part(result, right):
    """The result's and the right tensor that differ first, else the first; None, None for none."""
    if why_other_form(result, right):
        return None, None
    pairs = [(result.parts[name], expected) for name, expected in right.parts.items()]
    different = [pair for pair in pairs if not _near(*pair)]
    return (different or pairs or [(None, None)])[0]


def _as_map(image):
    return image if image.dim() == 2 else image.flatten(0, -3).mean(0)
