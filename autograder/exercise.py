"""What an exercise is: one decorated reference function, from which everything else is derived."""

import inspect
import textwrap
from dataclasses import dataclass, field
from functools import cached_property
from itertools import combinations, product
from pathlib import Path

BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"
STUB_LINES = ("# TODO: your code here", 'raise NotImplementedError("{name} is not written yet")')


@dataclass(frozen=True)
class Implementation:
    """One way to write an exercise: a wrong one with the sentence that names it, or a right one.

    Attributes:
        key: short name.
        says: one or two sentences for the learner; empty for right ones.
        source: source code that defines a function of the exercise's name.
        function: the function.
    """

    key: str
    says: str
    source: str
    function: object = field(repr=False, compare=False)


@dataclass(frozen=True)
class Edit:
    """A known mistake as a change of the reference's source.

    Attributes:
        key: short name.
        says: one or two sentences that name the mistake for the learner.
        changes: text of the reference's source to the text that replaces it.
    """

    key: str
    says: str
    changes: dict

    def apply(self, source):
        """The source with its solution changed, or None when a text to change is not there."""
        head, mark, solution = source.partition(BEGIN)
        for old, new in self.changes.items():
            if old not in solution:
                return None
            solution = solution.replace(old, new)
        return head + mark + solution


@dataclass(frozen=True)
class WrittenQuestion:
    """A question that people answer in words and graders mark.

    Attributes:
        name: grade id; the question's text stands on the chapter's page.
        points: to be had.
        answer: a model answer, Markdown.
        marking_scheme: how many points for what, Markdown.
    """

    name: str
    points: float
    answer: str
    marking_scheme: str


def _undecorated(function):
    """The function's source without its decorator."""
    lines = textwrap.dedent(inspect.getsource(function)).splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("def "))
    return "\n".join(lines[start:])


class Exercise:
    """The reference function with everything that is known about the exercise.

    Call it like the function. Known mistakes are `Edit` objects or functions under
    ``@exercise.mistake(...)``; other right answers are functions under ``@exercise.variant``.
    """

    def __init__(self, function, *, points, minutes, examples, hints, expected, mistakes, combine):
        self.function = function
        self.name, self.__name__, self.__doc__ = [function.__name__] * 2 + [function.__doc__]
        self.module = function.__module__
        self.chapter = self.module.rpartition(".")[2]
        self.points, self.minutes = points, minutes
        self.draw_examples = examples
        self.hints, self.expected = tuple(hints), expected
        self.source = _undecorated(function)
        self.edits, self.combined = tuple(mistakes), tuple(combine)
        self._written_mistakes, self._variants = [], []

    def __call__(self, *args, **kwargs):
        return self.function(*args, **kwargs)

    def __repr__(self):
        return f"<exercise {self.name} of {self.chapter}, {self.points:g} points>"

    @property
    def stub(self):
        """What learners get: signature, docstring and a line to replace."""
        lines = self.source.splitlines()
        begin, end = (
            next(i for i, line in enumerate(lines) if line.strip() == mark) for mark in (BEGIN, END)
        )
        indent = lines[begin][: -len(BEGIN)]
        stub = [indent + line.format(name=self.name) for line in STUB_LINES]
        return "\n".join(lines[:begin] + stub + lines[end + 1 :])

    @property
    def solution(self):
        """The lines between the solution marks, as they stand."""
        return self.source.partition(BEGIN)[2].partition(END)[0]

    @property
    def imports(self):
        """The import lines of the module's head that a notebook needs to run the source."""
        text = Path(inspect.getsourcefile(self.function)).read_text(encoding="utf-8")
        lines = [li for li in text.splitlines() if li.startswith(("import ", "from "))]
        return "\n".join(line for line in lines if not line.startswith("from autograder"))

    def mistake(self, says):
        """Decorator: a function that is wrong, with the sentence that names the mistake."""

        def add(function):
            self._written_mistakes.append(self._written(function, says))
            return function

        return add

    def variant(self, function):
        """Decorator: another function that is right."""
        self._variants.append(self._written(function, ""))
        return function

    def _written(self, function, says):
        key = function.__name__
        source = _undecorated(function).replace(f"def {key}(", f"def {self.name}(", 1)
        return Implementation(key, says, source, function)

    def compile(self, key, says, source):
        """An `Implementation` of a source text, run with the module's own names."""
        namespace = dict(vars(inspect.getmodule(self.function)))
        exec(compile(source, f"<{self.name}: {key}>", "exec"), namespace)
        return Implementation(key, says, source, namespace[self.name])

    def _edited(self, *edits):
        """The reference with edits applied one after the other, or None where they clash."""
        source = self.source
        for edit in edits:
            source = edit.apply(source) if source is not None else None
        if source is None:
            return None
        says = " ".join(dict.fromkeys(edit.says for edit in edits))
        try:
            return self.compile("+".join(edit.key for edit in edits), says, source)
        except SyntaxError:
            return None

    @cached_property
    def mistakes(self):
        """Every known mistake.

        Raises:
            ValueError: an edit's text is not in the reference's source.
        """
        edited = [(edit, self._edited(edit)) for edit in self.edits]
        stale = [edit.key for edit, made in edited if made is None]
        if stale:
            raise ValueError(f"{self.name}: the source has no such text to edit: {stale}")
        return (*(made for _, made in edited), *self._written_mistakes)

    @property
    def variants(self):
        """Other right answers."""
        return tuple(self._variants)

    @cached_property
    def mistaken_pairs(self):
        """Two mistakes at once, each in another one of the combined texts."""
        return tuple(self._make_pairs())

    def _make_pairs(self):
        for old, other in combinations(self.combined, 2):
            for first, second in product(self._edits_of(old), self._edits_of(other)):
                pair = self._edited(first, second)
                if pair is not None:
                    yield pair

    def _edits_of(self, old):
        return [edit for edit in self.edits if tuple(edit.changes) == (old,)]


def exercise(*, points, minutes, examples, hints, expected, mistakes=(), combine=()):
    """Decorator that makes a reference function an exercise.

    Args:
        points: to be had.
        minutes: that a learner needs, about.
        examples: function ``(generator: torch.Generator) -> list[Example]``, the main one first.
        hints: three strings of rising depth, Markdown.
        expected: a sentence with the number one should see.
        mistakes: `Edit` objects.
        combine: texts of the source; edits of different ones are also tried together.

    Returns:
        decorator that gives an `Exercise`.
    """

    def wrap(function):
        return Exercise(
            function,
            points=points,
            minutes=minutes,
            examples=examples,
            hints=hints,
            expected=expected,
            mistakes=mistakes,
            combine=combine,
        )

    return wrap
