"""Failures that no known mistake explains, put together where they look alike.

Equal are those which gave the same wrong result on the question that all students are asked. Where
that one tells nothing, since its result was right or was not handed in, what is compared are the
rungs that were not reached and the judge's sentence without its numbers. Within a cluster, code is
compared without names, comments and layout.
"""

import ast
import re
import warnings
from collections import defaultdict
from dataclasses import dataclass

from course_lib.verdict import NOT_WRITTEN

LONGEST = 20_000  # characters of a source that is parsed
NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e[+-]?\d+)?")
SEVERAL = re.compile(r"#(?:, #)+")


@dataclass(frozen=True)
class Failure:
    """One student's unfinished exercise, without a recognised mistake."""

    student: str
    exercise: str
    verdict: dict
    source: str

    @property
    def missed(self):
        """Names of the rungs that were not reached; none where nothing was handed in."""
        return tuple(rung["name"] for rung in self.verdict["rungs"] if not rung["passed"])

    @property
    def equal(self):
        """Whether there is a wrong result on the common question to be compared."""
        return bool(self.verdict.get("fingerprint"))

    @property
    def looks(self):
        """What is compared between students."""
        if self.equal:
            return self.exercise, self.missed, self.verdict["fingerprint"]
        return self.exercise, self.missed, without_numbers(self.verdict["message"])


@dataclass(frozen=True)
class Cluster:
    """Failures that look alike.

    Attributes:
        failures: list of `Failure`, those of the commonest code first.
        codes: lists of the students whose code is the same, the longest first.
    """

    failures: list
    codes: list

    @property
    def equal(self):
        """Whether all gave the same wrong result on the common question."""
        return self.failures[0].equal


def tried(verdict):
    """Whether an exercise was worked on."""
    return not verdict["message"].startswith(NOT_WRITTEN)


def unexplained(records, source_of):
    """The `Failure` of each student and exercise that was tried and failed without a name.

    Args:
        records: verdict records by student.
        source_of: function ``(student, exercise) -> str``, what the student wrote.
    """
    for student, record in records.items():
        for exercise, verdict in (record.get("exercises") or {}).items():
            failed = verdict["points"] < verdict["max_points"] and verdict["mistake"] is None
            if failed and tried(verdict):
                yield Failure(student, exercise, verdict, source_of(student, exercise))


def clusters(failures):
    """Put failures together that look alike; the largest `Cluster` first."""
    alike = defaultdict(list)
    for failure in failures:
        alike[failure.looks].append(failure)
    return [_cluster(group) for group in sorted(alike.values(), key=len, reverse=True)]


def _cluster(group):
    by_code = defaultdict(list)
    for failure in group:
        by_code[normalised(failure.source)].append(failure)
    codes = sorted(by_code.values(), key=len, reverse=True)
    members = [failure for code in codes for failure in code]
    return Cluster(members, [[failure.student for failure in code] for code in codes])


def without_numbers(sentence):
    """A sentence in which every number, and every list of numbers, is ``#``."""
    return SEVERAL.sub("#", NUMBER.sub("#", sentence))


def normalised(source):
    """A text that is equal for sources which differ in names, comments and layout alone.

    What does not parse is compared word by word. Nothing is run.
    """
    if len(source) > LONGEST:
        return source
    try:
        with warnings.catch_warnings(action="ignore"):
            tree = ast.parse(source)
        return ast.dump(_Nameless(tree).visit(tree))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return " ".join(source.split())


class _Nameless(ast.NodeTransformer):
    """Numbers the names that a source binds, in the order of their use, and drops docstrings."""

    def __init__(self, tree):
        nodes = list(ast.walk(tree))
        bound = {node.id for node in nodes if _is_store(node)}
        self._bound = bound | {node.arg for node in nodes if isinstance(node, ast.arg)}
        self._numbers = {}

    def _number(self, name):
        if name not in self._bound:
            return name
        return self._numbers.setdefault(name, f"name {len(self._numbers)}")

    def visit_Name(self, node):
        return ast.Name(self._number(node.id), node.ctx)

    def visit_arg(self, node):
        return ast.arg(self._number(node.arg))

    def visit_FunctionDef(self, node):
        if ast.get_docstring(node) is not None:
            node.body = node.body[1:] or [ast.Pass()]
        return self.generic_visit(node)


def _is_store(node):
    return isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
