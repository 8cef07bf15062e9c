"""What stood between a submission and this machine, as a word for records and as a sentence."""

from autograder.sandbox import isolation

REAL_USER, USER_NAMESPACE, NONE, NOT_RUN = "real user", "user namespace", "none", "not run"
SENTENCES = {
    REAL_USER: (
        "Submissions ran in a sandbox (bubblewrap, namespaces of their own, no network) as a real "
        "unprivileged user."
    ),
    USER_NAMESPACE: (
        "Submissions ran in a sandbox (bubblewrap, namespaces of their own, no network) within a "
        "user namespace: to this machine they were the user who graded, without any rights."
    ),
    NONE: (
        "Submissions were trusted and ran without a sandbox, with the rights of the user who "
        "graded: they could read and change whatever that user could."
    ),
    NOT_RUN: "Nothing was run.",
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
