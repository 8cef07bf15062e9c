"""What a function left behind on its arguments: the caller's tensors, model and torch's state."""

import torch
from torch import nn

CALLS = 2  # of the function, between two snapshots

SENTENCES = {
    "input_changed": "it changed the values of `{name}` in place: work on a copy",
    "input_requires_grad": "it changed `requires_grad` of the caller's `{name}`: "
    "work on `{name}.detach().clone()`",
    "input_grad": "it changed the caller's `{name}.grad`: "
    "use `torch.autograd.grad`, or a copy of `{name}`",
    "parameters_changed": "it changed the parameters of `{name}`",
    "parameter_grad": "it left gradients in the parameters of `{name}`: ask `torch.autograd.grad` "
    "for the gradient of the image alone",
    "parameter_flags": "it changed `requires_grad` of the parameters of `{name}`",
    "buffers_changed": "it changed the batch-norm statistics of `{name}`: run it in eval mode",
    "mode_changed": "it left `{name}` in another train/eval mode than it was given: put it back",
    "hooks_left": "it left a hook on a layer of `{name}`: remove it in a `finally`",
    "layers_run_again": "it ran layers of `{name}` more than once for the same image: one forward "
    "pass passes all of them",
    "result_shares_memory": "two tensors of its result share their memory, so a change of one "
    "changes the other: `clone()` each",
    "result_on_graph": "its result still hangs on the autograd graph: return `result.detach()`",
    "grad_mode": "it left gradients switched off or on for everybody: use `with torch.no_grad():`",
    "default_dtype": "it changed torch's default dtype",
}


def _tensor_state(tensor):
    return {
        "input_changed": tensor.detach().clone(),
        "input_requires_grad": tensor.requires_grad,
        "input_grad": None if tensor.grad is None else tensor.grad.clone(),
    }


def _hooks(module):
    return sum(
        len(hooks)
        for part in module.modules()
        for name, hooks in vars(part).items()
        if name.endswith("_hooks") and hooks is not None
    )


def _model_state(model):
    parameters = list(model.parameters())
    return {
        "parameters_changed": [p.detach().clone() for p in parameters],
        "parameter_grad": [None if p.grad is None else p.grad.clone() for p in parameters],
        "parameter_flags": [p.requires_grad for p in parameters],
        "buffers_changed": [buffer.clone() for buffer in model.buffers()],
        "mode_changed": [part.training for part in model.modules()],
        "hooks_left": _hooks(model),
        "layers_run_again": _ran_again(model),
    }


def _ran_again(model):
    """Did a layer run more often than the function is called? Only some probes count this."""
    return getattr(model, "most_layer_runs", 0) > CALLS


def share_memory(tensors, others):
    """Does any of `tensors` overlap another one, or one of `others`, in memory?

    Args:
        tensors, others: lists of strided `torch.Tensor`.
    """
    spans = [(_span(t), True) for t in tensors] + [(_span(t), False) for t in others]
    spans = sorted((start, end, mine) for (start, end), mine in spans if end > start)
    reach, reach_of_mine = 0, 0  # how far the spans seen so far extend
    for start, end, mine in spans:
        if start < (reach if mine else reach_of_mine):
            return True
        reach = max(reach, end)
        reach_of_mine = max(reach_of_mine, end) if mine else reach_of_mine
    return False


def _span(tensor):
    """First and last address of a tensor's numbers; an empty span for an empty tensor."""
    if not tensor.numel():
        return 0, 0
    try:
        start = tensor.data_ptr()
    except RuntimeError:  # a wrapper of torch.func has no memory that could be addressed
        return 0, 0
    last = sum(s * (n - 1) for s, n in zip(tensor.stride(), tensor.shape, strict=True))
    return start, start + (last + 1) * tensor.element_size()


def _torch_state():
    return {"grad_mode": torch.is_grad_enabled(), "default_dtype": torch.get_default_dtype()}


def snapshot(arguments):
    """The state of everything that a call could touch.

    Args:
        arguments: argument name to value.

    Returns:
        dict from ``(trace, argument name)`` to a comparable value.
    """
    state = {(trace, ""): value for trace, value in _torch_state().items()}
    for name, value in arguments.items():
        parts = {}
        if isinstance(value, torch.Tensor):
            parts = _tensor_state(value)
        elif isinstance(value, nn.Module):
            parts = _model_state(value)
        elif isinstance(value, list):
            parts = {"input_changed": tuple(value)}
        state |= {(trace, name): part for trace, part in parts.items()}
    return state


def _same(before, after):
    if isinstance(before, list):
        return all(_same(b, a) for b, a in zip(before, after, strict=True))
    if isinstance(before, torch.Tensor) and isinstance(after, torch.Tensor):
        return torch.equal(before, after)
    return type(before) is type(after) and before == after


def traces_between(before, after):
    """``[trace, argument name]`` pairs that differ between two snapshots, in a fixed order."""
    return [list(key) for key in before if not _same(before[key], after[key])]


def describe(traces):
    """One sentence for a list of ``[trace, argument name]``."""
    known = [(trace, name) for trace, name in traces if trace in SENTENCES]
    return "; ".join(SENTENCES[trace].format(name=name) for trace, name in known)
