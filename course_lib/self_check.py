"""`check`: the judge's verdict in the learner's own notebook, as often as wanted."""

import os
from pathlib import Path

from course_lib.evidence import EXAMPLES_FOLDER, observations_from_plain, observe_all
from course_lib.examples import Example, load_packed
from course_lib.verdict import KnownMistake, give_verdict

CHECKS_FOLDER = Path("checks")


def check(function, name=None):
    """Run a function on fixed examples and compare with results computed beforehand.

    Args:
        function: the function to check.
        name: the exercise's name; by default the function's own.

    Returns:
        `Verdict`; a notebook shows it as a ladder of rungs with the mistake named. None where
        the grader is at work, whose verdict takes that place.

    Raises:
        FileNotFoundError: no such exercise here; the message says where its data is looked for.
    """
    if EXAMPLES_FOLDER in os.environ:
        return None
    name = name or function.__name__
    path = CHECKS_FOLDER / f"{name}.safetensors"
    if not path.exists():
        known = ", ".join(sorted(p.stem for p in CHECKS_FOLDER.glob("*.safetensors"))) or "none"
        raise FileNotFoundError(
            f'No data to check "{name}" in the folder "{CHECKS_FOLDER}" beside the notebook '
            f"(found: {known}). Keep that folder where the notebook was released, and start "
            "Jupyter there."
        )
    data = load_packed(path)
    examples = [Example(**settings) for settings in data["examples"]]
    mistakes = (
        KnownMistake(m["key"], m["says"], observations_from_plain(m["observations"]))
        for m in data["mistakes"]
    )
    return give_verdict(
        data["exercise"],
        data["points"],
        examples,
        observations_from_plain(data["right"]),
        mistakes,
        observe_all(function, examples),
    )
