"""Examples on which a learner's function is run, and their file format (safetensors, no pickle)."""

import json
from dataclasses import dataclass, fields

import torch
from safetensors import safe_open
from safetensors.torch import save_file

from course_lib.probes import ProbeAttribution, ProbeFunction, ProbeImages, ProbeNetwork

_PROBES = {
    "network": ProbeNetwork,
    "function": ProbeFunction,
    "images": ProbeImages,
    "attribution": ProbeAttribution,
}


@dataclass(frozen=True)
class Example:
    """One call of the learner's function.

    Attributes:
        name: what a learner reads, for example ``"5 images of 7 x 9 pixels"``.
        rung: the rung that this example bears on: ``"values"``, ``"one image"``,
            ``"repeatable"``, or ``"leaves no trace"``, where the result is not compared: only
            what is left behind counts, and, if the reference refuses, that it is refused.
        arguments: argument name to tensor, number, string, list or probe (see
            `course_lib.probes`).
    """

    name: str
    rung: str
    arguments: dict

    def build(self):
        """Fresh arguments: tensors cloned, networks and functions built."""
        return {name: _fresh(value) for name, value in self.arguments.items()}


def _fresh(value):
    if isinstance(value, torch.Tensor):
        return value.clone()
    if isinstance(value, list):
        return [_fresh(item) for item in value]
    return value.build() if hasattr(value, "build") else value


def _put_aside(tensor, tensors):
    """Position of the tensor among `tensors`; equal ones are kept once."""
    tensor = tensor.detach().cpu().contiguous()
    key = (tensor.dtype, tuple(tensor.shape), tensor.numpy().tobytes())
    return tensors.setdefault(key, (len(tensors), tensor))[0]


def pack(value, tensors):
    """Turn nested dicts, lists, tensors and probes into JSON, putting the tensors aside.

    Args:
        value: what to pack.
        tensors: dict that receives ``(position, tensor)`` of each tensor under its content; the
            JSON holds the position.

    Returns:
        something that `json.dumps` takes and `unpack` turns back.
    """
    if isinstance(value, torch.Tensor):
        return {"tensor": _put_aside(value, tensors)}
    for kind, probe in _PROBES.items():
        if isinstance(value, probe):
            settings = {field.name: getattr(value, field.name) for field in fields(value)}
            return {"probe": kind, "settings": pack(settings, tensors)}
    if isinstance(value, dict):
        return {"dict": {key: pack(item, tensors) for key, item in value.items()}}
    if isinstance(value, (list, tuple)):
        return {"list": [pack(item, tensors) for item in value]}
    return {"value": value}


def unpack(packed, tensors):
    """The inverse of `pack`."""
    if "tensor" in packed:
        return tensors[packed["tensor"]]
    if "probe" in packed:
        return _PROBES[packed["probe"]](**unpack(packed["settings"], tensors))
    if "dict" in packed:
        return {key: unpack(item, tensors) for key, item in packed["dict"].items()}
    if "list" in packed:
        return [unpack(item, tensors) for item in packed["list"]]
    return packed["value"]


def save_packed(path, value):
    """Write nested plain data with tensors to one safetensors file, the same bytes each time."""
    tensors = {}
    content = json.dumps(pack(value, tensors), sort_keys=True)
    arrays = {f"{position:06d}": tensor.clone() for position, tensor in tensors.values()}
    save_file(arrays, path, metadata={"content": content})


def load_packed(path, longest=None, most=None):
    """Read what `save_packed` wrote.

    Raises:
        ValueError: more than `longest` characters of JSON, or more than `most` tensors.
    """
    with safe_open(path, framework="pt") as file:
        content = file.metadata()["content"]
        if most is not None and len(file.keys()) > most:
            raise ValueError(f"it holds {len(file.keys())} arrays, more than {most}")
        if longest is not None and len(content) > longest:
            raise ValueError(f"its JSON has {len(content)} characters, more than {longest}")
        tensors = [file.get_tensor(name) for name in sorted(file.keys())]
        return unpack(json.loads(content), tensors)


def save_examples(path, examples):
    """Write examples to one file."""
    save_packed(
        path, [{field.name: getattr(e, field.name) for field in fields(e)} for e in examples]
    )


def load_examples(path):
    """Read examples from a file.

    Returns:
        list of `Example`.
    """
    return [Example(**settings) for settings in load_packed(path)]
