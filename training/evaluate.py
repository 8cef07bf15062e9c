"""Measure the bundled pair on CIFAR-10's test set: ``python -m training.evaluate``.

Prints, for both networks, the accuracy on the pictures as they are, under our own projected
gradient descent, and under that of foolbox (Rauber et al. 2017), which shares no code with ours.
With ``--write``, the figures go beside the weights, for the course's pages to quote.
"""

import argparse
import json
from pathlib import Path

import torch
from tqdm import tqdm

from course_lib import cifar_network, load_model
from training import cifar
from training.adversary import attack
from training.train import DEVICE

EPSILON = 0.5
STEPS = 20
STEP_SIZE = EPSILON / 8
BATCH = 250


def right(model, X, y):
    """Which images the model names rightly ``(N,)`` bool."""
    with torch.no_grad():
        return model(X).argmax(1) == y


def by_our_attack(model, X, y, generator):
    """Images within `EPSILON` of X, from `STEPS` steps of projected gradient descent."""
    return attack(model, X, y, EPSILON, STEPS, STEP_SIZE, generator)


def by_foolbox(model, X, y, generator):
    """The same from foolbox's L2 attack, with its own start and projection."""
    import foolbox  # a dependency of the tests alone

    torch.manual_seed(generator.initial_seed())
    method = foolbox.attacks.L2ProjectedGradientDescentAttack(
        abs_stepsize=STEP_SIZE, steps=STEPS, random_start=True
    )
    _, attacked, _ = method(foolbox.PyTorchModel(model, bounds=(0, 1)), X, y, epsilons=EPSILON)
    return attacked


def batches(model, pictures, labels):
    """Images in [0, 1] with their labels, on the model's device, with a progress bar."""
    for start in tqdm(range(0, len(pictures), BATCH), mininterval=5):
        X, y = (part[start : start + BATCH].to(model.device) for part in (pictures, labels))
        yield X / 255, y


def clean_accuracy(model, pictures, labels):
    """Share of pictures that the model names rightly.

    Args:
        model: `course_lib.PretrainedCNN`.
        pictures: ``(N, 3, 32, 32)`` uint8.
        labels: ``(N,)`` int64.
    """
    hits = sum(int(right(model, X, y).sum()) for X, y in batches(model, pictures, labels))
    return hits / len(pictures)


def attacked_accuracies(model, pictures, labels):
    """Share of pictures that the model names rightly after an attack.

    Args:
        model, pictures, labels: as for `clean_accuracy`.

    Returns:
        dict from the attack's name to the share.
    """
    hits = {"our attack": 0, "foolbox": 0}
    generator = torch.Generator().manual_seed(0)
    for X, y in batches(model, pictures, labels):
        known = right(model, X, y)  # a wrong answer needs no attack
        X, y = X[known], y[known]
        hits["our attack"] += int(right(model, by_our_attack(model, X, y, generator), y).sum())
        hits["foolbox"] += int(right(model, by_foolbox(model, X, y, generator), y).sum())
    return {name: count / len(pictures) for name, count in hits.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path("_build/cifar"))
    parser.add_argument("--attacked", type=int, default=2000, help="how many to attack, of 10000")
    parser.add_argument("--write", action="store_true", help="note the figures in the package")
    arguments = parser.parse_args()
    test = cifar.load("test", arguments.data)
    some = [part[: arguments.attacked] for part in test]
    print(f"Attacks within L2 {EPSILON}: {STEPS} steps of {STEP_SIZE}, {len(some[0])} pictures")
    figures = {"attacked pictures": len(some[0])}
    for name in cifar_network.NAMES:
        model = load_model(name).to(DEVICE)
        figures[name] = {"clean": clean_accuracy(model, *test)} | attacked_accuracies(model, *some)
        shares = (f"{measure} {share:.2%}" for measure, share in figures[name].items())
        print(name, *shares, sep="   ", flush=True)
    if arguments.write:
        text = json.dumps(figures, indent=1) + "\n"
        (cifar_network.FOLDER / "measured.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
