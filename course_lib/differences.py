"""Where and how two results differ, in words: the nearest useful thing when no mistake is known."""

from typing import NamedTuple

import torch


class Relation(NamedTuple):
    """A way in which a whole result differs from the expected one."""

    key: str
    says: str


def _stacked(observations, places):
    """The examples' results as ``(got per example)``, or None when one has no tensor."""
    tensors = [observations[i].first.tensor for i in places]
    return None if any(t is None for t in tensors) else [t.double() for t in tensors]


def _value_places(ladder):
    return [i for i, example in enumerate(ladder.examples) if example.rung == "values"]


def _close(got, expected):
    return all(
        g.shape == e.shape and torch.allclose(g, e, rtol=0, atol=1e-6 * float(e.abs().max()))
        for g, e in zip(got, expected, strict=True)
    )


def _factor(got, expected):
    """The number k with ``got = k expected``, by least squares."""
    return float((got * expected).sum() / (expected * expected).sum())


def name_relation(ladder, mine):
    """Recognise a right result that was scaled, negated, transposed or reordered.

    Args:
        ladder: `course_lib.verdict.Ladder`.
        mine: the submission's observations.

    Returns:
        `Relation`, or None.
    """
    places = _value_places(ladder)
    got, expected = _stacked(mine, places), _stacked(ladder.right, places)
    if got is None or not all(g.isfinite().all() and g.min() < g.max() for g in got):
        return None  # constants are related to everything
    for relation in (_negated, _scaled, _scaled_per_image, _rescaled_per_image, _nonnegative):
        found = relation(got, expected)
        if found:
            return found
    return None


def _negated(got, expected):
    if _close(got, [-e for e in expected]):
        return Relation("sign", "Everything is right but the sign.")
    return None


def _scaled(got, expected):
    factors = [_factor(g, e) for g, e in zip(got, expected, strict=True)]
    if not _close(got, [k * e for k, e in zip(factors, expected, strict=True)]):
        return None
    counts = [1 / len(e) for e in expected]
    if all(abs(k - c) < 1e-6 for k, c in zip(factors, counts, strict=True)):
        return Relation(
            "batch_mean", "It is right but for a factor 1/N: a mean over the batch, not a sum."
        )
    text = ", ".join(f"{k:.6g}" for k in factors)
    return Relation("factor", f"It is right but for a constant factor ({text}).")


def _per_image(got, expected, correct):
    corrected = [
        torch.stack([correct(g, e) for g, e in zip(gs, es, strict=True)])
        for gs, es in zip(got, expected, strict=True)
        if gs.shape == es.shape and gs.dim() > 1
    ]
    return len(corrected) == len(got) and _close(got, corrected)


def _scaled_per_image(got, expected):
    if _per_image(got, expected, lambda g, e: _factor(g, e) * e):
        return Relation(
            "scaled_per_image",
            "Each image's result is right but for a factor of its own: was it normalised? "
            "Return it as it is.",
        )
    return None


def _rescaled_per_image(got, expected):
    def affine(g, e):
        spread = e - e.mean()
        return g.mean() + _factor(g - g.mean(), spread) * spread

    if _per_image(got, expected, affine):
        return Relation(
            "rescaled",
            "Each image's result is right but shifted and scaled: was it rescaled to its own "
            "minimum and maximum? Return it as it is.",
        )
    return None


def _nonnegative(got, expected):
    if _close(got, [e.abs() for e in expected]):
        return Relation("absolute_value", "It is right but for an absolute value too many.")
    if _close(got, [e.clamp(min=0) for e in expected]):
        return Relation("clipped", "It is right but for negative values set to zero.")
    return None


def describe_difference(ladder, mine, rung):
    """One sentence: on which example, how many numbers, and the worst of them.

    Args:
        ladder: `course_lib.verdict.Ladder`.
        mine: the submission's observations.
        rung: which examples to look at.

    Returns:
        a sentence, or ``""`` when nothing differs.
    """
    for example, observation, right in zip(ladder.examples, mine, ladder.right, strict=True):
        if example.rung == rung:
            sentence = _difference(observation.first, right.first, example.name)
            if sentence:
                return sentence
    return ""


def _difference(result, right, name):
    got, expected = result.tensor, right.tensor
    if result.error:
        return f"On {name} it stopped with {result.error}: {result.text}"
    if got is None:
        return f"On {name} it returned a {result.kind}; expected a torch tensor."
    if got.shape != expected.shape:
        return (
            f"On {name} it returned the shape {tuple(got.shape)}; expected {tuple(expected.shape)}."
        )
    gap = (got.double() - expected).abs().nan_to_num(torch.inf)
    wrong = gap > 1e-6 * float(expected.abs().max())
    if not wrong.any():
        return ""
    place = tuple(int(i) for i in torch.unravel_index(gap.argmax(), gap.shape))
    return (
        f"On {name}, {int(wrong.sum())} of {wrong.numel()} numbers differ; the worst, at "
        f"{list(place)}, is {float(got[place]):.4g} and should be {float(expected[place]):.4g}."
    )
