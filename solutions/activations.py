"""Answers of the chapter *What the layers see* (Zeiler and Fergus 2014; Luo et al. 2016)."""

import copy
from contextlib import ExitStack
from functools import partial

import torch

from autograder import Edit, WrittenQuestion, exercise
from autograder.probes import draw_images, draw_like, draw_network
from course_lib.examples import Example
from course_lib.probes import ProbeImages

IMAGES, HEIGHT, WIDTH = 2, 5, 6  # few: whole layers are kept for each known mistake


def draw_order(names, network, generator):
    """The names in an order that is neither the network's nor the alphabet's, either way round."""
    chain = network.build().layers
    usual = [sorted(names), sorted(names, key=chain.index)]
    usual += [order[::-1] for order in usual]
    while True:
        order = [names[i] for i in torch.randperm(len(names), generator=generator).tolist()]
        if order not in usual:
            return order


def draw_activation_examples(generator):
    """Layers in a strange order, one twice; layers that overwrite their input or hand it on."""
    network, other = draw_network(generator), draw_network(generator, gain=20).changed(stride=2)
    two = draw_images(generator, count=IMAGES, height=HEIGHT, width=WIDTH)
    one = draw_images(generator, count=1, height=HEIGHT, width=WIDTH)
    used = ProbeImages(two, draw_like(two, generator))
    twice = draw_order(["tanh1", "conv2", "flatten"], network, generator)

    def example(name, rung, model, X, *layers, order=None):
        order = order or draw_order(layers, network, generator)
        return Example(name, rung, {"X": X, "layers": order, "model": model})

    return [
        example("2 images of 5 x 6 pixels", "values", network, two,
                "bn1", "tanh1", "softplus2", "scores"),
        example("a name given twice", "values", other, two, order=twice + twice[:1]),
        example("a single image", "one image", network.changed(counts_layers=True), one,
                "conv1", "tanh1", "pool"),
        example("a network in train mode", "repeatable", network.changed(training=True), two,
                "dropout", "bn1", "conv2"),
        example("trainable parameters", "repeatable", network.changed(frozen=False), two,
                "bn1", "conv2", "pool"),
        example("an X that already holds a gradient", "repeatable", network, used,
                "bn1", "conv2", "pool"),
        example("a layer that overwrites its input", "repeatable",
                network.changed(overwrites=True), two, "bn1", "tanh1", "conv2"),
        example("layers that hand on their input", "repeatable", network, one,
                "softplus2", "dropout", "classifier", "scores"),
        example("a layer that does not exist", "leaves no trace",
                network.changed(training=True), one, order=["bn1", "conv9"]),
    ]  # fmt: skip


KEEP = "kept[layer] = output.detach().clone()"
RETURN = "return {layer: kept[layer] for layer in layers}"
RUN = "with torch.no_grad():\n            model(X)"
HANG = "hooks.append(model.module(layer).register_forward_hook(keep_as(layer)))"
LOOP = f"        for layer in layers:\n            {HANG}\n"

RESCALED = (
    "You rescaled the activations. Keep them as the layer gives them out; scaling belongs to the "
    "plot."
)
REDUCED = "You averaged the activations. Keep every number that the layer gives out: (N, ...)."
NO_CLONE = (
    "You kept the layer's own tensor. A later layer may write over it, or hand on the very same "
    "memory: keep `output.detach().clone()`."
)
ORDER = "Your dict is in {} order: build it in the order of `layers`."
LATE = (
    "All your hooks wrote under the last name: a function made in a loop looks its names up when "
    "it runs, and by then the loop is over. Bind the name when you make the hook: a function "
    "that takes the name and returns the hook, or `functools.partial`."
)


@exercise(
    points=6,
    minutes=25,
    examples=draw_activation_examples,
    expected=(
        "For the photograph `dog` and the layers `bn1`, `blocks.4.2` and `bn2`, the means are "
        "about 1.934, 0.237 and 0.146, after one forward pass."
    ),
    hints=(
        "`model.features(X, layer)` runs the network from the start for every layer. Run it once, "
        "and keep what you want on the way.",
        "`handle = model.module(layer).register_forward_hook(f)` has torch call `f(module, inputs, "
        "output)` each time that layer has run; `handle.remove()` ends it. Which name does `f` "
        "write under? Make it by a function that is given the name.",
        "In a `try`, hang a hook on each layer that keeps `output.detach().clone()` under its "
        "name, switch to eval mode and call `model(X)`. In the `finally`, remove the hooks and "
        "put the mode back. Then build the dict in the order of `layers`: the hooks fill "
        "theirs in the order of the network.",
    ),
    mistakes=(
        Edit("input_of_the_layer",
             "You kept what goes *into* the layer, the output of the one before; keep what it "
             "gives out. A hook is called with `(module, inputs, output)`.",
             {KEEP: "kept[layer] = inputs[0].detach().clone()"}),
        Edit("no_clone", NO_CLONE, {KEEP: "kept[layer] = output.detach()"}),
        Edit("keeps_the_graph",
             "Your activations still hang on the autograd graph, which keeps all of the network's "
             "memory alive: `detach()` them.",
             {KEEP: "kept[layer] = output.clone()", RUN: "model(X)"}),
        Edit("after_a_relu",
             "You set negative activations to zero. Keep what the layer gives out; the "
             "activation function, if there is one, is a layer of its own.",
             {KEEP: "kept[layer] = output.detach().relu().clone()"}),
        Edit("absolute_value",
             "You took the absolute value. Keep the activations with their signs.",
             {KEEP: "kept[layer] = output.detach().abs()"}),
        Edit("divided_by_the_largest", RESCALED,
             {KEEP: "kept[layer] = output.detach() / output.abs().max()"}),
        Edit("divided_by_the_length", RESCALED,
             {KEEP: "kept[layer] = torch.nn.functional.normalize(output.detach().flatten(1))"
              ".view_as(output)"}),
        Edit("channels_normalised", RESCALED,
             {KEEP: "kept[layer] = torch.nn.functional.normalize(output.detach())"}),
        Edit("minimum_and_maximum", RESCALED,
             {KEEP: "kept[layer] = (output - output.min()) / (output.max() - output.min())"}),
        Edit("minimum_and_maximum_per_image", RESCALED,
             {KEEP: "flat = output.flatten(1)\n            low, high = flat.amin(1), flat.amax(1)\n"
              "            flat = (flat - low[:, None]) / (high - low)[:, None]\n"
              "            kept[layer] = flat.view_as(output)"}),
        Edit("standardised", RESCALED,
             {KEEP: "kept[layer] = (output - output.mean()) / output.std()"}),
        Edit("softmax",
             "You applied a softmax. Keep the activations, and the unnormalised scores, as they "
             "are.",
             {KEEP: "kept[layer] = output.detach().softmax(dim=1)"}),
        Edit("clipped", "You clipped the activations to [0, 1]; that is for pixels.",
             {KEEP: "kept[layer] = output.detach().clamp(0, 1)"}),
        Edit("averaged_over_places", REDUCED,
             {KEEP: "kept[layer] = output.mean((2, 3)) if output.dim() == 4 else output.clone()"}),
        Edit("averaged_over_channels", REDUCED, {KEEP: "kept[layer] = output.mean(1)"}),
        Edit("averaged_over_images",
             "You averaged over the batch. Each image has its own activations.",
             {KEEP: "kept[layer] = output.mean(0)"}),
        Edit("averaged_over_images_and_kept",
             "You averaged over the batch. Each image has its own activations.",
             {KEEP: "kept[layer] = output.mean(0, keepdim=True).repeat_interleave(len(X), 0)"}),
        Edit("largest_channel", "You kept the largest channel only; keep all channels.",
             {KEEP: "kept[layer] = output.amax(1)"}),
        Edit("first_image", "You kept the first image only; keep the whole batch: (N, ...).",
             {KEEP: "kept[layer] = output[0].detach().clone()"}),
        Edit("first_channel", "You kept the first channel only; keep all channels.",
             {KEEP: "kept[layer] = output[:, 0].detach().clone()"}),
        Edit("flattened", "You flattened the activations. Keep their shape: (N, C, h, w).",
             {KEEP: "kept[layer] = output.detach().flatten(1).clone()"}),
        Edit("channels_last",
             "You moved the channels to the end, as plots want them. Keep the shape (N, C, h, w).",
             {KEEP: "kept[layer] = output.detach().movedim(1, -1).clone()"}),
        Edit("squeezed",
             "You squeezed the activations: a batch of one image loses its first dimension.",
             {KEEP: "kept[layer] = output.detach().squeeze().clone()"}),
        Edit("half_precision", "You rounded to half precision. Keep the model's own numbers.",
             {KEEP: "kept[layer] = output.detach().half()"}),
        Edit("rounded", "You rounded the activations. Keep all their digits.",
             {KEEP: "kept[layer] = output.detach().round(decimals=2)"}),
        Edit("as_numpy", "Put torch tensors into the dict, not numpy arrays.",
             {KEEP: "kept[layer] = output.detach().clone().numpy()"}),
        Edit("as_lists",
             "Each value of your dict is a list: keep the tensor itself, not a list that holds it.",
             {KEEP: "kept.setdefault(layer, []).append(output.detach().clone())"}),
        Edit("as_modules",
             "The keys of your dict are modules; use the layers' names.",
             {KEEP: "kept[module] = output.detach().clone()", RETURN: "return kept"}),
        Edit("networks_order", ORDER.format("the network's"), {RETURN: "return kept"}),
        Edit("alphabetical_order", ORDER.format("alphabetical"),
             {RETURN: "return {layer: kept[layer] for layer in sorted(layers)}"}),
        Edit("reversed_order", ORDER.format("reversed"),
             {RETURN: "return {layer: kept[layer] for layer in reversed(layers)}"}),
        Edit("repeated_name_moved",
             "A name that is given twice stands where it was given last. It belongs where it was "
             "given first.",
             {RETURN: "last = [n for i, n in enumerate(layers) if n not in layers[i + 1 :]]\n"
              "    return {layer: kept[layer] for layer in last}"}),
        Edit("as_list",
             "You returned a list. Return a dict: each layer's name to its tensor.",
             {RETURN: "return [kept[layer] for layer in layers]"}),
        Edit("as_tuple",
             "You returned a tuple of tensors. Return a dict: the layer's name to its tensor.",
             {RETURN: "return tuple(kept[layer] for layer in layers)"}),
        Edit("first_layer_only",
             "You returned inside the loop: only the first layer's activations came back.",
             {RETURN: "for layer in layers:\n        return {layer: kept[layer]}"}),
        Edit("one_tensor",
             "You returned one tensor, of one layer or the scores. Return a dict: each layer's "
             "name to its tensor.",
             {RETURN: "return kept[layers[0]]"}),
        Edit("returns_nothing", "Nothing came back: the last line must `return` the dict.",
             {RETURN: "kept"}),
        Edit("layer_after",
             "You kept the output of the layer after the one that was asked for.",
             {HANG: "later = [*model.layers[model.layers.index(layer) :], 'scores']\n"
              "            hooks.append(model.module(later[1]).register_forward_hook("
              "keep_as(layer)))"}),
        Edit("normalised_twice",
             "You normalised the pixels before calling the model; it normalises them itself.",
             {RUN: "with torch.no_grad():\n            model((X - model.mean) / model.std)"}),
        Edit("hooks_left",
             "You left your hooks on the layers: they run again at every later call. Remove them "
             "in a `finally`.",
             {"hook.remove()": "pass"}),
        Edit("leaves_eval_mode",
             "You left the model in eval mode. Note `model.training` first, and put the model back "
             "into that mode at the end.",
             {"model.train(was_training)": "pass"}),
        Edit("mode_as_it_came",
             "You ran the network in the mode in which it came. Switch to eval mode first: in "
             "train mode dropout and batch statistics change the activations at every call.",
             {"        model.eval()\n": ""}),
        Edit("switches_to_train_mode",
             "You ran the network in train mode. Dropout is off and the stored batch statistics "
             'count in eval mode, `mode="test"` of `model.forward`: that is what is asked for.',
             {"model.eval()": "model.train()"}),
        Edit("always_train_mode_afterwards",
             "You put the model into train mode at the end, whatever mode it came in.",
             {"model.train(was_training)": "model.train()"}),
        Edit("gradients_switched_off",
             "You switched gradients off for everybody: use `with torch.no_grad():`.",
             {RUN: "torch.set_grad_enabled(False)\n        model(X)"}),
        Edit("marks_the_images",
             "You marked the caller's X with `requires_grad_()`. No gradient is needed here.",
             {RUN: "model(X.requires_grad_())"}),
        Edit("sorts_the_callers_list",
             "You sorted the caller's list. Leave it as it is: `sorted(layers)` makes a new one.",
             {RETURN: "given = list(layers)\n    layers.sort(key=model.layers.index)\n"
              "    return {layer: kept[layer] for layer in given}"}),
        Edit("all_layers",
             "You returned every layer. Return those that were asked for, in their order.",
             {"for layer in layers:\n": "for layer in model.layers:\n", RETURN: "return kept"}),
        Edit("scores_left_out",
             '"scores" is missing: it is no module of the network, but the model\'s own last '
             "layer. `model.module` knows it, and `model(X)` returns it.",
             {RETURN: 'return {layer: kept[layer] for layer in layers if layer != "scores"}'}),
        Edit("last_image_only",
             "Your hook overwrote what it had kept of the image before: only the last image is "
             "left. Run the whole batch at once, or collect the images' results and `torch.cat` "
             "them.",
             {RUN: "for image in X.detach():\n            model(image[None])"}),
        Edit("hooks_left_after_an_error",
             "When a name is refused, the hooks that you had hung before it stay: hang them "
             "inside the `try` whose `finally` removes them.",
             {"    try:\n" + LOOP: LOOP.replace("\n    ", "\n")[4:] + "    try:\n"}),
        Edit("eval_mode_left_after_an_error",
             "When a name is refused, the model stays in eval mode: put its mode back in a "
             "`finally`.",
             {"    def keep_as": "    model.eval()\n\n    def keep_as",
              "        model.train(was_training)\n": "",
              RETURN: "model.train(was_training)\n    " + RETURN}),
        Edit("clears_all_hooks",
             "You removed every hook of the layers, those of their owner, too. Keep the handle "
             "that `register_forward_hook` returns, and call its `remove()`.",
             {"for hook in hooks:\n            hook.remove()":
              "for layer in layers:\n            model.module(layer)._forward_hooks.clear()"}),
        Edit("unknown_names_passed_over",
             "You passed over a name that the model lacks. Refuse it with an error, or a typing "
             "mistake goes unseen.",
             {HANG: "if layer in model.layers:\n                " + HANG,
              RETURN: RETURN[:-1] + " if layer in kept}"}),
    ),
)  # fmt: skip
def layer_activations(X, layers, model):
    """What several layers give out for the same images.

    One forward pass is enough: no layer runs more than once for an image.
    Two ways are open. Hooks: `model.module(layer)` is the torch module that
    computes a layer. Or run the chain of layers piece by piece, with
    `A, _ = model.forward(A, start=..., end=...)`.

    Args:
        X: images, a float tensor (N, 3, H, W) in [0, 1]. Leave it as it is:
            its values, its requires_grad and its grad.
        layers: list of names out of `model.layers`, in any order; one may be
            the last, "scores". Leave the list as it is. A name that the
            model lacks is refused with an error (`model.module` and
            `model.forward` raise one).
        model: PretrainedCNN. Compute in eval mode, whatever mode it comes
            in; give it back in that mode and without hooks of yours, also
            after an error.

    Returns:
        A dict from name to what that layer gives out, unchanged: a tensor
        (N, ...). It is in the order of `layers`; a name that is given twice
        has one entry, at its first place. Each tensor is off the autograd
        graph and has memory of its own, so that a change in place of one
        changes no other. (Some layers overwrite their input, others hand it
        on as it is.)
    """
    ### BEGIN SOLUTION
    was_training, hooks, kept = model.training, [], {}

    def keep_as(layer):
        def hook(module, inputs, output):
            kept[layer] = output.detach().clone()

        return hook

    try:
        for layer in layers:
            hooks.append(model.module(layer).register_forward_hook(keep_as(layer)))
        model.eval()
        with torch.no_grad():
            model(X)
    finally:
        model.train(was_training)
        for hook in hooks:
            hook.remove()
    return {layer: kept[layer] for layer in layers}
    ### END SOLUTION


@layer_activations.mistake(
    "You ran the network once for every layer. One pass is enough: each layer's output comes by "
    "on the way to the next."
)
def one_pass_for_each_layer(X, layers, model):
    was_training = model.training
    for layer in layers:
        model.module(layer)
    model.eval()
    found = {layer: model.features(X, layer).detach().clone() for layer in layers}
    model.train(was_training)
    return found


@layer_activations.mistake(LATE)
def late_binding(X, layers, model):
    kept, hooks = {}, []
    for layer in layers:

        def keep(module, inputs, output):
            kept[layer] = output.detach().clone()  # noqa: B023

        hooks.append(model.module(layer).register_forward_hook(keep))
    model.forward(X)
    for hook in hooks:
        hook.remove()
    return kept


@layer_activations.mistake(LATE)
def late_binding_looked_up(X, layers, model):
    kept, hooks = {}, []
    for layer in layers:
        hooks.append(
            model.module(layer).register_forward_hook(
                lambda module, inputs, output: kept.update({layer: output.clone()})  # noqa: B023
            )
        )
    model.forward(X)
    for hook in hooks:
        hook.remove()
    return {layer: kept[layer] for layer in layers}


@layer_activations.mistake(
    "You started the first piece at the first layer by name, so the images were not normalised. "
    "Leave `start` out for the images."
)
def images_not_normalised(X, layers, model):
    A, found = X, {}
    for layer in model.layers:
        A, _ = model.forward(A, start=layer, end=layer)
        found[layer] = A.clone()
    return {layer: found[layer] for layer in layers}


@layer_activations.mistake(
    "You ran layers twice: `start` is included, so continue with the layer after the one where "
    "the piece before it ended."
)
def pieces_overlap(X, layers, model):
    A, start, found = X, None, {}
    for end in sorted(set(layers), key=model.layers.index):
        A, _ = model.forward(A, start=start, end=end)
        found[end], start = A.clone(), end
    return {layer: found[layer] for layer in layers}


@layer_activations.mistake(
    "You ran the pieces in the order of `layers`. The network has its own order: go through "
    "that, and put the result in order afterwards."
)
def pieces_in_the_given_order(X, layers, model):
    A, start, found = X, None, {}
    for end in layers:
        A, _ = model.forward(A, start=start, end=end)
        found[end] = A.clone()
        start = model.layers[(model.layers.index(end) + 1) % len(model.layers)]
    return found


@layer_activations.variant
def piece_by_piece(X, layers, model):
    found, A, start = {}, X, None
    for end in sorted(set(layers), key=model.layers.index):
        A, _ = model.forward(A, start=start, end=end)
        found[end] = A
        if end != model.layers[-1]:
            start = model.layers[model.layers.index(end) + 1]
    return {layer: found[layer] for layer in layers}


@layer_activations.variant
def layer_by_layer(X, layers, model):
    if not set(layers) <= set(model.layers):
        raise KeyError(layers)
    A, found = X, {}
    for i, name in enumerate(model.layers):
        A, _ = model.forward(A, start=name if i else None, end=name)
        if name in layers:
            found[name] = A
    return {name: found[name] for name in dict.fromkeys(layers)}


@layer_activations.variant
def one_image_at_a_time(X, layers, model):
    pieces = {layer: [] for layer in layers}
    for image in X.detach():
        A, start = image[None], None
        for end in sorted(pieces, key=model.layers.index):
            A, _ = model.forward(A, start=start, end=end)
            pieces[end].append(A)
            start = model.layers[(model.layers.index(end) + 1) % len(model.layers)]
    return {layer: torch.cat(outputs) for layer, outputs in pieces.items()}


@layer_activations.variant
def hooks_of_the_network(X, layers, model):
    kept = {}
    modes = [(part, part.training) for part in model.modules()]
    with ExitStack() as stack, torch.inference_mode(False):
        for layer in layers:
            if layer != "scores":
                module = model.network.get_submodule(layer)
                hook = module.register_forward_hook(
                    lambda m, i, o, layer=layer: kept.update({layer: o.clone()})
                )
                stack.callback(hook.remove)
        model.eval()
        try:
            kept["scores"] = model(X).clone()
        finally:
            for part, training in modes:
                part.training = training
    return {layer: kept[layer].detach() for layer in layers}


@layer_activations.variant
def partial_hooks_up_to_the_deepest(X, layers, model):
    def keep(layer, module, inputs, output):
        kept[layer] = torch.empty_like(output).copy_(output).detach()

    kept, was_training = dict.fromkeys(layers), model.training
    modules = [(layer, model.module(layer)) for layer in kept]
    deepest = max(layers, key=model.layers.index)
    hooks = [m.register_forward_hook(partial(keep, layer)) for layer, m in modules]
    try:
        model.eval()
        model.features(X.detach(), deepest)
    finally:
        model.train(was_training)
        for hook in hooks:
            hook.remove()
    return kept


@layer_activations.variant
def hooks_on_a_copy(X, layers, model):
    def keep(layer, module, inputs, output):
        kept[layer] = output.new_tensor(output.tolist())

    model, kept = copy.deepcopy(model).eval(), {}
    for layer in layers:
        model.module(layer).register_forward_hook(partial(keep, layer))
    model(X)
    return {layer: kept[layer] for layer in layers}


why_not_the_brightest = WrittenQuestion(
    name="why_not_the_brightest",
    points=2,
    answer=(
        "Not from nine patches out of a few dozen photographs. The patches show what excited the "
        "channel most among what was offered: with other photographs the list would be another "
        "one, and what they have in common (fur, a dark round spot, a sharp bright rim) may be "
        "what the channel reacts to. And the maximum says nothing of the many places where the "
        "channel is active, but less so."
    ),
    marking_scheme=(
        "1 point: the claim depends on the pictures offered, or several properties coincide in "
        "the patches (it may be the dark round spot). 1 point: a test that would decide it, or "
        "that the strongest reactions say nothing of the weaker ones."
    ),
)
