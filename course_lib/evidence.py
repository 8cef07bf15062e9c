"""Run a learner's function on examples and write down what it did: evidence, without a verdict.

Only this part runs beside the learner's code. What it writes is plain data (numbers and short
texts) that another process judges.
"""

import math
import os
import warnings
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from pathlib import Path

import torch
from safetensors import SafetensorError

from course_lib.examples import load_examples, load_packed, save_packed
from course_lib.probes import TooManyForwardPasses
from course_lib.traces import share_memory, snapshot, traces_between

EXAMPLES_FOLDER = "COURSE_EXAMPLES"
EVIDENCE_FOLDER = "COURSE_EVIDENCE"
COMMON_FOLDER = "common"  # in the examples' folder: the question that all learners are asked
LARGEST_FILE = 64 * 2**20  # bytes
LONGEST_CONTENT = 2_000_000  # characters of JSON
LONGEST_TEXT = 300
LONGEST_NAME = 100  # characters of a key
MOST_TENSORS = 100  # in a dict
MOST_AXES = 16
MOST_NUMBERS = 2_000_000  # in all results together
LONGEST_HEADER = 8_000_000  # bytes: names and sizes of a file's arrays, and its JSON
MOST_ARRAYS = 10_000  # in a file
PLAIN_DTYPES = {
    torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.bool, torch.uint8,
    torch.int8, torch.int16, torch.int32, torch.int64,
}  # fmt: skip
_answered = {}  # by exercise the function that was handed in


@dataclass(frozen=True)
class Result:
    """What one call gave: a tensor, a dict of tensors, another kind of thing, or an error.

    Attributes:
        tensor: a detached copy of the returned tensor, or None.
        tensors: the same for a returned dict: name to detached copy, in its order; or None.
        kind: type name of what was returned; ``""`` when an error was raised.
        error: type name of the error; ``""`` when there was none.
        text: the error's message.
    """

    tensor: torch.Tensor | None = None
    kind: str = ""
    error: str = ""
    text: str = ""
    tensors: dict | None = None

    @property
    def parts(self):
        """Name to tensor, one nameless tensor for a result that is no dict; None without any."""
        return {"": self.tensor} if self.tensor is not None else self.tensors

    def changed(self, change):
        """The same result with each tensor replaced by ``change(tensor)``."""
        if self.tensor is not None:
            return replace(self, tensor=change(self.tensor))
        if self.tensors is not None:
            return replace(self, tensors={k: change(t) for k, t in self.tensors.items()})
        return self


@dataclass(frozen=True)
class Observation:
    """What a function did with one example, called twice with the same arguments.

    Attributes:
        first, second: the two calls' `Result`.
        traces: ``[trace, argument name]`` pairs (see `course_lib.traces`).
    """

    first: Result
    second: Result
    traces: list = field(default_factory=list)


def _call(function, arguments, seed):
    """One call of the function; returns its `Result` and the traces that this itself shows."""
    torch.default_generator.manual_seed(seed)  # torch.manual_seed would look for GPUs, slowly
    try:
        value = function(**arguments)
    except (Exception, SystemExit, TooManyForwardPasses) as error:
        return Result(error=type(error).__name__, text=_text(error)), []
    if isinstance(value, dict):
        return _read_dict(value, arguments)
    kind = _unusable(value)
    if kind:
        return Result(kind=kind), []
    traces = [["result_on_graph", ""]] * value.requires_grad
    return Result(tensor=_plain_copy(value), kind="Tensor"), traces


def _plain_copy(tensor):
    return tensor.detach().as_subclass(torch.Tensor).cpu().clone()


def _read_dict(value, arguments):
    """What `_call` returns for a dict: its tensors, or the first thing that makes it unusable."""
    value = dict(dict.items(value))
    kind = _unusable_dict(value)
    if kind:
        return Result(kind=kind), []
    given = [a for a in arguments.values() if isinstance(a, torch.Tensor)]
    traces = [["result_on_graph", ""]] * any(t.requires_grad for t in value.values())
    traces += [["result_shares_memory", ""]] * share_memory(list(value.values()), given)
    tensors = {str.__str__(name): _plain_copy(tensor) for name, tensor in value.items()}
    return Result(tensors=tensors, kind="dict"), traces


def _unusable_dict(value):
    """What else than a bounded dict of names to ordinary tensors it is; ``""`` for such a dict."""
    if len(value) > MOST_TENSORS:
        return f"dict of {len(value)} items"
    for name, tensor in value.items():
        if not isinstance(name, str):
            return f"dict with a key of type {type(name).__name__}"
        if len(name) > LONGEST_NAME:
            return f"dict with a key of {len(name)} characters"
        if _unusable(tensor):
            return f'dict whose "{name}" is of type {_unusable(tensor)}'
    return ""


def _text(error):
    """The error's message, as far as there is one."""
    try:
        return str(error)[:LONGEST_TEXT]
    except Exception:
        return "its message cannot be shown"


def _unusable(value):
    """What else than numbers that can be compared it is; ``""`` for an ordinary tensor."""
    if not isinstance(value, torch.Tensor):
        return type(value).__name__
    if value.is_complex():
        return "complex tensor"
    if value.is_meta:
        return "meta tensor"
    return "" if value.layout == torch.strided and not value.is_quantized else "sparse tensor"


def observe(function, example):
    """Call `function` twice on one example.

    Args:
        function: the learner's function; called with keyword arguments.
        example: `course_lib.examples.Example`.

    Returns:
        `Observation`. Torch's random state, grad mode and default dtype are put back.
    """
    arguments = example.build()
    with _torch_as_it_was():
        before = snapshot(arguments)
        first, of_result = _call(function, arguments, seed=1)
        second, _ = _call(function, arguments, seed=2)
        traces = traces_between(before, snapshot(arguments))
    return Observation(first, second, traces + of_result)


@contextmanager
def _torch_as_it_was():
    """Gradients on inside; the random state and the default dtype put back afterwards."""
    random_state, dtype = torch.get_rng_state(), torch.get_default_dtype()
    try:
        with torch.enable_grad():
            yield
    finally:
        torch.set_rng_state(random_state)
        torch.set_default_dtype(dtype)


def observe_once(function, example):
    """What one call of `function` gives on an example, without a look at anything else.

    Returns:
        `Result`. Torch's random state, grad mode and default dtype are put back.
    """
    with _torch_as_it_was():
        return _call(function, example.build(), seed=1)[0]


def observe_all(function, examples):
    """`observe` for each example.

    Returns:
        list of `Observation`, in the examples' order.
    """
    return [observe(function, example) for example in examples]


class LazyObservation:
    """An `Observation` without warnings, made when somebody looks at it.

    Most looks are at `first` alone, which takes a third of the whole.
    """

    def __init__(self, function, example):
        self._function, self._example = function, example

    @cached_property
    def whole(self):
        """The `Observation`."""
        return self._made_by(observe)

    @cached_property
    def _first_alone(self):
        return self._made_by(observe_once)

    @property
    def first(self):
        return self.whole.first if "whole" in vars(self) else self._first_alone

    @property
    def second(self):
        return self.whole.second

    @property
    def traces(self):
        return self.whole.traces

    def _made_by(self, look):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return look(self._function, self._example)


def observe_lazily(function, examples):
    """A `LazyObservation` for each example."""
    return [LazyObservation(function, example) for example in examples]


def observations_to_plain(observations):
    """Observations as nested dicts, lists and tensors (for `save_packed`)."""
    return [
        {
            "first": _result_to_plain(o.first),
            "second": _result_to_plain(o.second),
            "traces": o.traces,
        }
        for o in observations
    ]


def _result_to_plain(result):
    """A dict of tensors becomes a list of pairs: the file's JSON sorts keys, and order counts."""
    plain = {f.name: getattr(result, f.name) for f in fields(result)}
    pairs = None if result.tensors is None else [[k, t] for k, t in result.tensors.items()]
    return plain | {"tensors": pairs}


def _result_from_plain(plain):
    result = Result(**plain)
    tensor, texts = result.tensor, (result.kind, result.error, result.text)
    if not (tensor is None or _is_real_tensor(tensor)):
        raise ValueError(f"a result is no real tensor of at most {MOST_NUMBERS} numbers")
    if not all(isinstance(text, str) for text in texts):
        raise ValueError("a result's kind, error and text must be strings")
    if tensor is not None and result.tensors is not None:
        raise ValueError("a result is a tensor and a dict at once")
    tensors = None if result.tensors is None else _tensors_from_plain(result.tensors)
    return replace(
        result,
        text=_bounded(result.text, LONGEST_TEXT),
        kind=_bounded(result.kind, LONGEST_NAME),
        error=_bounded(result.error, LONGEST_NAME),
        tensors=tensors,
    )


def _bounded(text, most):
    """A text that can be stored: not too long, without halves of characters or steering ones."""
    return "".join(c if c.isprintable() or c in "\n\t" else "\ufffd" for c in text[:most])


def _is_real_tensor(value):
    plain = isinstance(value, torch.Tensor) and value.dtype in PLAIN_DTYPES
    return plain and value.dim() <= MOST_AXES and _is_small(value.shape)


def _is_small(shape):
    """Whether its axes are bounded; torch overflows on those of a huge empty tensor, too."""
    return math.prod(max(1, size) for size in shape) <= MOST_NUMBERS


def _tensors_from_plain(pairs):
    """The dict of a list of pairs ``[name, tensor]``; ValueError unless it is bounded and plain."""
    if not isinstance(pairs, list) or len(pairs) > MOST_TENSORS:
        raise ValueError(f"a dict of tensors must be a list of at most {MOST_TENSORS} pairs")
    for pair in pairs:
        if not isinstance(pair, list) or len(pair) != 2:
            raise ValueError("a dict of tensors must be a list of pairs")
        name, tensor = pair
        if not isinstance(name, str) or len(name) > LONGEST_NAME or not _is_real_tensor(tensor):
            raise ValueError("a pair must hold a short string and a real tensor")
    tensors = {_bounded(name, LONGEST_NAME): tensor for name, tensor in pairs}
    if len(tensors) < len(pairs):
        raise ValueError("a dict of tensors holds a name twice")
    return tensors


def _traces_from_plain(plain):
    if not all(isinstance(text, str) for trace, name in plain for text in (trace, name)):
        raise ValueError("a trace must be a pair of strings")
    if len(plain) > MOST_TENSORS:
        raise ValueError(f"there are more than {MOST_TENSORS} traces")
    return [[_bounded(text, LONGEST_NAME) for text in pair] for pair in plain]


def observations_from_plain(plain):
    """The inverse of `observations_to_plain`.

    Raises:
        ValueError, TypeError, KeyError: the data has not the form that `observe` gives.
    """
    return [
        Observation(
            _result_from_plain(item["first"]),
            _result_from_plain(item["second"]),
            _traces_from_plain(item["traces"]),
        )
        for item in plain
    ]


def hand_in(function, name=None):
    """Run a function on the examples that the grader laid out, and write the evidence.

    Does nothing but say so where no grader is at work.

    Args:
        function: the learner's function.
        name: the exercise's name; by default the function's own.
    """
    if EXAMPLES_FOLDER not in os.environ:
        print("Nothing is graded here: fresh examples exist only when the grader runs.")
        return
    own, _ = evidence_files(name or function.__name__)
    torch.set_default_dtype(torch.float32)  # a notebook's own settings are not the function's
    torch.set_grad_enabled(True)
    evidence = observations_to_plain(
        observe_all(function, load_examples(Path(os.environ[EXAMPLES_FOLDER]) / own))
    )
    save_packed(Path(os.environ[EVIDENCE_FOLDER]) / own, evidence)
    _answered[name or function.__name__] = function


def hand_in_common():
    """Run what was handed in on the questions that all learners are asked, after all else."""
    questions = Path(os.environ[EXAMPLES_FOLDER]) / COMMON_FOLDER
    for name, function in _answered.items():
        own, common = evidence_files(name)
        (example,) = load_examples(questions / own)
        found = [Observation(observe_once(function, example), Result())]
        save_packed(Path(os.environ[EVIDENCE_FOLDER]) / common, observations_to_plain(found))


def evidence_files(name):
    """Names of the files of `hand_in` and `hand_in_common` for an exercise."""
    return f"{name}.safetensors", f"{name}.common.safetensors"


def load_evidence(path):
    """Read the evidence that `hand_in` or `hand_in_common` wrote.

    Args:
        path: `pathlib.Path` of the file.

    Returns:
        list of `Observation`.

    Raises:
        ValueError: no regular file, too large, or not of the form that `hand_in` writes.
    """
    if path.is_symlink() or not path.is_file():
        raise ValueError("it is no regular file")
    if path.stat().st_size > LARGEST_FILE:
        raise ValueError(f"it is larger than {LARGEST_FILE} bytes")
    try:
        _check_header(path)
        plain = load_packed(path, LONGEST_CONTENT, MOST_ARRAYS)
        return _few_numbers(observations_from_plain(plain))
    except (SafetensorError, KeyError, TypeError, IndexError, AttributeError, OSError,
            RecursionError, RuntimeError, OverflowError) as error:  # fmt: skip
        raise ValueError(f"it has not the form of evidence ({type(error).__name__})") from None


def _check_header(path):
    """Raise ValueError for a safetensors file whose header would take long to read."""
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
    if length > LONGEST_HEADER:
        raise ValueError(f"its header has {length} bytes, more than {LONGEST_HEADER}")


def _few_numbers(observations):
    """The observations; ValueError where they would take long to compare."""
    results = [result for o in observations for result in (o.first, o.second)]
    count = sum(part.numel() for result in results for part in (result.parts or {}).values())
    if count > MOST_NUMBERS:
        raise ValueError(f"it holds {count} numbers, more than {MOST_NUMBERS}")
    return observations
