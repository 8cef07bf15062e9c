"""What stood between a submission and this machine, as a word for records and as a sentence."""

from autograder.sandbox import isolation

REAL_USER, USER_NAMESPACE, NONE, NOT_RUN = "real user", "user namespace", "none", "not run"
SENTENCES = {
    REAL_USER: (
        "Isolation: a sandbox (bubblewrap, namespaces of its own, no network), in which a "
        "submission is a real unprivileged user."
    ),
    USER_NAMESPACE: (
        "Isolation: a sandbox (bubblewrap, namespaces of its own, no network) in a user namespace; "
        "outside it, a submission counts as the user who grades, but reaches nothing of theirs."
    ),
    NONE: (
        "Isolation: none. Submissions are trusted: they can read and change whatever the user who "
        "grades can."
    ),
    NOT_RUN: "Isolation: nothing was run.",
}


def walls(trusted):
    """Which walls this machine puts around submissions: a key of `SENTENCES`.

    Args:
        trusted: whether they are run without a sandbox on purpose.
    """
    unshare = None if trusted else isolation()[0]
    if unshare is None:
        return NONE
    return USER_NAMESPACE if "--unshare-user" in unshare else REAL_USER


def told(kept):
    """Sentences for what the records of some submissions say, the safest first."""
    found = [SENTENCES[kind] for kind in SENTENCES if kind in kept and kind != NOT_RUN]
    return " ".join(found) or SENTENCES[NOT_RUN]
