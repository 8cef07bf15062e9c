"""Where and how two results differ, in words: the nearest useful thing when no mistake is known."""

from typing import NamedTuple

import torch

AXES = {3: ("image", "row", "column"), 4: ("image", "channel", "row", "column")}
KINDS = {
    "NoneType": "nothing (is there a `return`?)",
    "max": "a pair (values, indices)",
    "ndarray": "a numpy array",
}
MOST_NAMES = 6  # of a dict, in a sentence
SMALLEST_FACTOR = 1e-9  # below, a result is no multiple but nothing
LEAST_FILLED = 0.1  # of the numbers, for a result to count as right in part
COARSE = 2e-3  # of the largest expected value: two or three digits


class Relation(NamedTuple):
    """A way in which a whole result differs from the expected one."""

    key: str
    says: str


def why_other_form(got, expected):
    """Why a `Result` cannot be compared with the expected one: its kind, names or shapes.

    Returns:
        the end of a sentence, or ``""`` when both are tensors of one shape, or dicts of such
        tensors with the same names (in any order).
    """
    if got.parts is None or (got.tensor is None) != (expected.tensor is None):
        return f"it returned {_kind(got)}; expected {_wanted(got, expected)}"
    missing = [name for name in expected.parts if name not in got.parts]
    if missing:
        return f"the dict has no {_quoted(missing)}; it holds {_quoted(got.parts)}"
    extra = [name for name in got.parts if name not in expected.parts]
    if extra:
        return f"the dict also holds {_quoted(extra)}; expected are {_quoted(expected.parts)} alone"
    for name, tensor in expected.parts.items():
        shape, right = tuple(got.parts[name].shape), tuple(tensor.shape)
        if shape != right:
            return f"it returned the shape {shape}{_under(name)}; expected {right}"
    return ""


def _kind(got):
    return KINDS.get(got.kind, f"a {got.kind}" if got.kind else "nothing")


def _wanted(got, expected):
    if expected.tensors is not None:
        return "a dict from name to torch tensor"
    return "a dense one of real numbers" if got.kind.endswith(" tensor") else "a torch tensor"


def _quoted(names):
    """``'"a", "b"'``, the first few of many; ``"nothing"`` for none."""
    names = list(names)
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    return (", ".join(f'"{name}"' for name in names[:MOST_NAMES]) or "nothing") + more


def _under(name):
    return f' under "{name}"' if name else ""


def _pairs(ladder, mine, places):
    """``(got, expected)`` tensors of the examples, a dict's by name; None where forms differ."""
    pairs = []
    for i in places:
        got, expected = mine[i].first, ladder.right[i].first
        if expected.parts is None or got.parts is None or set(got.parts) != set(expected.parts):
            return None
        pairs += [(got.parts[name].double(), right) for name, right in expected.parts.items()]
    return pairs


def _value_places(ladder):
    return [i for i, example in enumerate(ladder.examples) if example.rung == "values"]


def _close(got, expected, tolerance=1e-6):
    def near(g, e):
        scale = float(e.abs().nan_to_num().max())
        return torch.allclose(g, e, rtol=0, atol=tolerance * scale)

    return all(g.shape == e.shape and near(g, e) for g, e in zip(got, expected, strict=True))


def _factor(got, expected):
    """The number k with ``got = k expected``, by least squares."""
    return float((got * expected).sum() / (expected * expected).sum())


def _multiple(got, expected):
    """The multiple of `expected` that is nearest to `got`; NaN where that is nothing."""
    factor = _factor(got, expected)
    return (factor if abs(factor) > SMALLEST_FACTOR else torch.nan) * expected


def name_relation(ladder, mine):
    """Recognise a right result that was scaled, negated, reordered, rounded or left unfinished.

    Args:
        ladder: `course_lib.verdict.Ladder`.
        mine: the submission's observations.

    Returns:
        `Relation`, or None.
    """
    places = _value_places(ladder)
    pairs = _pairs(ladder, mine, places)
    if not pairs or not all(g.isfinite().all() and g.min() < g.max() for g, _ in pairs):
        return None  # constants are related to everything
    got, expected = [g for g, _ in pairs], [e.double() for _, e in pairs]
    if any(g.shape != e.shape for g, e in zip(got, expected, strict=True)):
        return None
    if _close(got, expected):
        return _order(ladder, mine, places)
    for relation in RELATIONS:
        found = relation(got, expected)
        if found:
            return found
    return None


def _order(ladder, mine, places):
    """For right numbers: a dict whose order is another one."""
    for i in places:
        got, expected = list(mine[i].first.parts), list(ladder.right[i].first.parts)
        if got != expected:
            return Relation(
                "order",
                f"Every tensor is right, but the dict's order is {_quoted(got)} "
                f"where {_quoted(expected)} is asked for.",
            )
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
    if max(factors) - min(factors) < 1e-6 * max(map(abs, factors)):
        return Relation("factor", f"It is right but for a constant factor, {factors[0]:.6g}.")
    text = ", ".join(f"{k:.6g}" for k in factors)
    return Relation(
        "factor",
        f"It is right but for a factor that differs from one example to the next ({text}): was it "
        "normalised? Return it as it is.",
    )


def _per_image(got, expected, correct):
    corrected = [
        torch.stack([correct(g, e) for g, e in zip(gs, es, strict=True)])
        for gs, es in zip(got, expected, strict=True)
        if gs.shape == es.shape and gs.dim() > 1
    ]
    return len(corrected) == len(got) and _close(got, corrected)


def _scaled_per_image(got, expected):
    if _per_image(got, expected, _multiple):
        return Relation(
            "scaled_per_image",
            "Each image's result is right but for a factor of its own: was it normalised? "
            "Return it as it is.",
        )
    return None


def _rescaled_per_image(got, expected):
    if _per_image(_centred(got), _centred(expected), _multiple):
        return Relation(
            "rescaled",
            "Each image's result is right but for a shift and a factor of its own: was it centred, "
            "or rescaled to its minimum and maximum? Return it as it is.",
        )
    return None


def _centred(results):
    """Each image's numbers without their mean; a large one would drown all differences."""
    return [g - g.flatten(1).mean(1).view(-1, *[1] * (g.dim() - 1)) if g.dim() > 1 else g
            for g in results]  # fmt: skip


def _nonnegative(got, expected):
    if _close(got, [e.abs() for e in expected]):
        return Relation("absolute_value", "It is right but for an absolute value too many.")
    if _close(got, [e.clamp(min=0) for e in expected]):
        return Relation("clipped", "It is right but for negative values set to zero.")
    return None


def _unfinished(got, expected):
    if any(g.shape != e.shape for g, e in zip(got, expected, strict=True)):
        return None
    filled = [g != 0 for g in got]
    if min(float(f.double().mean()) for f in filled) < LEAST_FILLED:
        return None
    if not _close(got, [e * f for e, f in zip(expected, filled, strict=True)]):
        return None
    worst = min(got, key=lambda g: int((g != 0).sum()))
    zeros = int((worst == 0).sum())
    return Relation(
        "unfinished",
        f"What is not zero is right, but {zeros} of {worst.numel()} numbers stay zero"
        f"{_where_zero(worst)}. Does your loop reach every image, channel, row and column?",
    )


def _where_zero(got):
    """``" (all of column 4)"``, or ``""`` when the zeros are no whole slices of one axis."""
    for axis, name in enumerate(AXES.get(got.dim(), ())):
        slices = got.movedim(axis, 0).flatten(1)
        empty = (slices == 0).all(1)
        if empty.any() and int((slices == 0).sum()) == int(empty.sum()) * slices.shape[1]:
            return f" (all of {_numbered(name, empty)})"
    return ""


def _numbered(name, marks):
    """``"column 4"`` or ``"columns 0, 4"``: the places that are marked."""
    places = marks.nonzero().flatten().tolist()
    return f"{name}{'s' * (len(places) > 1)} {', '.join(map(str, places))}"


def _reordered(got, expected):
    if _close([g.flatten().sort()[0] for g in got], [e.flatten().sort()[0] for e in expected]):
        return Relation(
            "reordered",
            "The numbers are right but stand in other places: was the batch or an axis turned "
            "round, or moved by `reshape` or `view`? Only `permute` and `transpose` move axes.",
        )
    return None


def _coarse(got, expected):
    if _close(got, expected, COARSE):
        return Relation(
            "coarse",
            "It is right to two or three digits only: was it rounded, computed in a lower "
            "precision, or by another formula?",
        )
    return None


RELATIONS = (
    _negated,
    _scaled,
    _scaled_per_image,
    _rescaled_per_image,
    _nonnegative,
    _unfinished,
    _reordered,
    _coarse,
)


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
    if result.error:
        return f"On {name} it stopped with {result.error}: {result.text}"
    if right.parts is None:
        return f"On {name} it returned a {result.kind}; expected an error, {right.error}."
    form = why_other_form(result, right)
    if form:
        return f"On {name} {form}."
    for part, expected in right.parts.items():
        sentence = _numbers_differ(result.parts[part], expected, f"On {name}{_comma(part)}")
        if sentence:
            return sentence
    if list(result.parts) != list(right.parts):
        return (
            f"On {name} the dict's order is {_quoted(result.parts)}; expected "
            f"{_quoted(right.parts)}."
        )
    return ""


def _comma(name):
    return f",{_under(name)}" if name else ""


def _numbers_differ(got, expected, where):
    gap = (got.double() - expected).abs().nan_to_num(torch.inf)
    wrong = gap > 1e-6 * float(expected.abs().max())
    if not wrong.any():
        return ""
    place = tuple(int(i) for i in torch.unravel_index(gap.argmax(), gap.shape))
    return (
        f"{where}, {int(wrong.sum())} of {wrong.numel()} numbers differ{_pattern(got, wrong)}; "
        f"the worst, at {list(place)}, is {float(got[place]):.4g} and should be "
        f"{float(expected[place]):.4g}."
    )


def _pattern(got, wrong):
    """What strikes the eye, in parentheses: a constant, whole images that are right, a dtype."""
    if got.numel() > 1 and (got == got.flatten()[0]).all():
        return f" (all of yours are {float(got.flatten()[0]):.4g})"
    right = ~wrong.flatten(1).any(1) if wrong.dim() in AXES else wrong.new_zeros(1)
    if right.any():
        return f" (all is right in {_numbered('image', right)})"
    usual = got.dtype in (torch.float32, torch.float64)
    return "" if usual else f" (your numbers are {str(got.dtype).removeprefix('torch.')})"
