"""What stands between a submission and this machine: its parts, a word for records, a sentence.

A way to build walls has its `word`, and `build(exchange, memory, processes)`, which gives `Walls`
for one sandbox: `exchange` is the folder that it sees as /exchange, `memory` and `processes` are
the bytes and threads that it may have, held to where there are control groups.
"""

from collections.abc import Callable
from dataclasses import dataclass

REAL_USER, USER_NAMESPACE, CONTAINER = "real user", "user namespace", "container"
NONE, NOT_RUN = "none", "not run"
SENTENCES = {
    REAL_USER: (
        "Isolation: a sandbox (bubblewrap, namespaces of its own, no network), in which a "
        "submission is a real unprivileged user."
    ),
    USER_NAMESPACE: (
        "Isolation: a sandbox (bubblewrap, namespaces of its own, no network) in a user namespace; "
        "outside it, a submission counts as the user who grades, but reaches nothing of theirs."
    ),
    CONTAINER: (
        "Isolation: a container without a network, in which a submission has namespaces of its own "
        "and is an unprivileged user."
    ),
    NONE: (
        "Isolation: none. Submissions are trusted: they can read and change whatever the user who "
        "grades can."
    ),
    NOT_RUN: "Isolation: nothing was run.",
}


@dataclass(frozen=True)
class Walls:
    """Walls around one sandbox.

    Attributes:
        command: words that run the program whose words follow them behind these walls.
        end: function without arguments: takes away what is left when their first process is gone.
    """

    command: list
    end: Callable


def told(kept):
    """Sentences for what the records of some submissions say, the safest first."""
    found = [SENTENCES[kind] for kind in SENTENCES if kind in kept and kind != NOT_RUN]
    return " ".join(found) or SENTENCES[NOT_RUN]
