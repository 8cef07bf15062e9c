"""Measure the bundled pair on CIFAR-10's test set: ``python -m training.evaluate``.

Prints, for both networks, the accuracy on the pictures as they are, under our own projected
gradient descent, and under that of foolbox (Rauber et al. 2017), which shares no code with ours.
"""

import argparse
from pathlib import Path

import torch
from tqdm import tqdm

from course_lib import cifar_network, load_model
from training import cifar
from training.adversary import attack

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


def accuracies(model, pictures, labels):
    """Clean and attacked accuracies.

    Args:
        model: `course_lib.PretrainedCNN`.
        pictures: ``(N, 3, 32, 32)`` uint8.
        labels: ``(N,)`` int64.

    Returns:
        dict from a measure's name to the share of pictures that are named rightly.
    """
    hits = {"clean": 0, "our attack": 0, "foolbox": 0}
    generator = torch.Generator().manual_seed(0)
    for start in tqdm(range(0, len(pictures), BATCH), mininterval=5):
        X = pictures[start : start + BATCH].to(model.device) / 255
        y = labels[start : start + BATCH].to(model.device)
        known = right(model, X, y)  # a wrong answer needs no attack
        X, y = X[known], y[known]
        hits["clean"] += len(X)
        hits["our attack"] += int(right(model, by_our_attack(model, X, y, generator), y).sum())
        hits["foolbox"] += int(right(model, by_foolbox(model, X, y, generator), y).sum())
    return {name: count / len(pictures) for name, count in hits.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path("_build/cifar"))
    parser.add_argument("--pictures", type=int, default=10000, help="how many of the test set")
    parser.add_argument("--networks", nargs="+", choices=cifar_network.NAMES,
                        default=cifar_network.NAMES)  # fmt: skip
    arguments = parser.parse_args()
    pictures, labels = (part[: arguments.pictures] for part in cifar.load("test", arguments.data))
    device = "cuda" if torch.cuda.is_available() else "cpu"
    print(f"{len(pictures)} test pictures; attacks: L2 {EPSILON}, {STEPS} steps of {STEP_SIZE}")
    for name in arguments.networks:
        found = accuracies(load_model(name).to(device), pictures, labels)
        print(name, *(f"{measure} {share:.2%}" for measure, share in found.items()), sep="   ")


if __name__ == "__main__":
    main()
