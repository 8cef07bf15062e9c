"""Train one of the pair: ``python -m training.train plain`` or ``robust``.

The two share architecture, seed, data, augmentation and the form of the schedule. What sets them
apart is the radius within which an adversary may change each picture before the network learns
from it. The robust one, whose steps cost nearly twice as much, makes fewer, with softened labels.
"""

import argparse
import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch.nn.functional import cross_entropy
from tqdm import tqdm

from course_lib import cifar_network
from training import cifar
from training.adversary import attack


@dataclass(frozen=True)
class Recipe:
    """Everything that the result depends on besides the data.

    Attributes:
        epsilon: L2 radius of the adversary, in units of [0, 1] pixels; 0 for none.
        step_size: of its one step.
        epochs: passes over the training pictures.
        label_smoothing: of the cross-entropy.
        batch_size: pictures a step.
        peak_rate, momentum, weight_decay: of SGD with Nesterov momentum, one cycle.
        seed: draws weights, order, augmentation and the adversary's start.
    """

    epsilon: float
    step_size: float
    epochs: int
    label_smoothing: float
    batch_size: int = 128
    peak_rate: float = 0.15
    momentum: float = 0.9
    weight_decay: float = 5e-4
    seed: int = 0


RECIPES = {
    "plain": Recipe(epsilon=0.0, step_size=0.0, epochs=16, label_smoothing=0.0),
    "robust": Recipe(epsilon=0.5, step_size=0.625, epochs=10, label_smoothing=0.1),
}
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"


def augmented(pictures, generator):
    """Each picture moved by up to 4 pixels (the border reflected) and half of them mirrored.

    Args:
        pictures: ``(N, 3, 32, 32)`` uint8.
        generator: `torch.Generator`.

    Returns:
        ``(N, 3, 32, 32)`` float32 in [0, 1].
    """
    count = len(pictures)
    padded = torch.nn.functional.pad(pictures.float() / 255, (4, 4, 4, 4), mode="reflect")
    top, left = torch.randint(0, 9, (2, count, 1), generator=generator)
    rows, columns = top + torch.arange(32), left + torch.arange(32)
    mirrored = torch.rand(count, 1, generator=generator) < 0.5
    columns = torch.where(mirrored, columns.flip(1), columns)
    image, channel = torch.arange(count).view(-1, 1, 1, 1), torch.arange(3).view(1, 3, 1, 1)
    return padded[image, channel, rows[:, None, :, None], columns[:, None, None, :]]


class Run:
    """One training run; its state is saved after each epoch, and it goes on from there.

    Args:
        recipe: `Recipe`.
        pictures: ``(N, 3, 32, 32)`` uint8.
        labels: ``(N,)`` int64.
    """

    def __init__(self, recipe, pictures, labels):
        self.recipe, self.pictures, self.labels = recipe, pictures, labels
        torch.manual_seed(recipe.seed)
        self.network = cifar_network.build().to(DEVICE, memory_format=torch.channels_last)
        self.mean, self.std = (
            torch.tensor(values, device=DEVICE).view(3, 1, 1)
            for values in (cifar_network.MEAN, cifar_network.STD)
        )
        self.optimizer = torch.optim.SGD(
            self.network.parameters(),
            recipe.peak_rate,
            recipe.momentum,
            weight_decay=recipe.weight_decay,
            nesterov=True,
        )
        self.steps_per_epoch = len(pictures) // recipe.batch_size
        self.schedule = torch.optim.lr_scheduler.OneCycleLR(
            self.optimizer,
            recipe.peak_rate,
            epochs=recipe.epochs,
            steps_per_epoch=self.steps_per_epoch,
            pct_start=0.25,
            anneal_strategy="linear",
            cycle_momentum=False,
        )
        self.log = []

    def score(self, X):
        """Scores ``(N, 10)`` of images in [0, 1]."""
        X = ((X - self.mean) / self.std).contiguous(memory_format=torch.channels_last)
        return self.network(X)

    def step(self, X, y, generator):
        """Learn from one batch.

        Returns:
            the batch's loss and the number that was right, on the pictures it learnt from.
        """
        recipe = self.recipe
        if recipe.epsilon:
            self.network.requires_grad_(False)  # the adversary needs the images' gradient alone
            X = attack(self.score, X, y, recipe.epsilon, 1, recipe.step_size, generator)
            self.network.requires_grad_(True)
        scores = self.score(X)
        loss = cross_entropy(scores, y, label_smoothing=recipe.label_smoothing)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        self.schedule.step()
        return loss.item(), (scores.argmax(1) == y).sum().item()

    def batches(self, epoch):
        """The epoch's batches with the generator that made them; the same ones after a restart."""
        generator = torch.Generator().manual_seed(1000 * self.recipe.seed + epoch)
        order = torch.randperm(len(self.pictures), generator=generator)
        for number in range(self.steps_per_epoch):
            chosen = order[number * self.recipe.batch_size :][: self.recipe.batch_size]
            X = augmented(self.pictures[chosen], generator)
            yield X.to(DEVICE), self.labels[chosen].to(DEVICE), generator

    def epoch(self, number):
        """Train for one epoch and note loss and accuracy."""
        started, losses, right = time.monotonic(), [], 0
        self.network.train()
        bar = tqdm(self.batches(number), f"epoch {number + 1}", self.steps_per_epoch, mininterval=5)
        for batch in bar:
            loss, correct = self.step(*batch)
            losses.append(loss)
            right += correct
            bar.set_postfix(loss=f"{loss:.3f}", refresh=False)
        self.log.append(
            {
                "epoch": number + 1,
                "first losses": losses[:2],
                "loss": sum(losses) / len(losses),
                "training accuracy": right / (len(losses) * self.recipe.batch_size),
                "seconds": round(time.monotonic() - started),
            }
        )

    def measure(self, pictures, labels, epsilon, steps):
        """Accuracy on test pictures, and after an attack of some steps within epsilon."""
        self.network.eval()
        X, y = pictures.to(DEVICE).float() / 255, labels.to(DEVICE)
        with torch.no_grad():
            clean = (self.score(X).argmax(1) == y).float().mean().item()
        generator = torch.Generator().manual_seed(0)
        attacked = attack(self.score, X, y, epsilon, steps, epsilon / 4, generator)
        with torch.no_grad():
            robust = (self.score(attacked).argmax(1) == y).float().mean().item()
        return {"test accuracy": clean, "test accuracy, attacked": robust}

    def save(self, path):
        """Write the run's state; a crash while writing loses nothing."""
        state = {
            "recipe": asdict(self.recipe),
            "network": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "schedule": self.schedule.state_dict(),
            "log": self.log,
        }
        torch.save(state, path.with_suffix(".part"))
        path.with_suffix(".part").replace(path)

    def load(self, path):
        """Go on from a saved state.

        Raises:
            ValueError: the state belongs to another recipe.
        """
        state = torch.load(path, map_location=DEVICE, weights_only=True)
        if state["recipe"] != asdict(self.recipe):
            raise ValueError(f"{path} is of another recipe, {state['recipe']}: remove it first.")
        self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.schedule.load_state_dict(state["schedule"])
        self.log = state["log"]


def train(name, data, out, watched=250):
    """Train a network by its recipe, from the last saved state if there is one.

    Args:
        name: a key of `RECIPES`.
        data: folder of CIFAR-10 (see `training.cifar.load`).
        out: folder for the state and the log.
        watched: number of test pictures that are measured after each epoch.
    """
    out.mkdir(parents=True, exist_ok=True)
    run = Run(RECIPES[name], *cifar.load("train", data))
    test = [part[:watched] for part in cifar.load("test", data)]
    state = out / f"{name}.pt"
    if state.exists():
        run.load(state)
    for number in range(len(run.log), run.recipe.epochs):
        run.epoch(number)
        run.log[-1] |= run.measure(*test, epsilon=0.5, steps=10)
        run.save(state)
        print(json.dumps(run.log[-1]), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name", choices=RECIPES)
    parser.add_argument("--data", type=Path, default=Path("_build/cifar"))
    parser.add_argument("--out", type=Path, default=Path("_build/training"))
    arguments = parser.parse_args()
    train(arguments.name, arguments.data, arguments.out)


if __name__ == "__main__":
    main()
