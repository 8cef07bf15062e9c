"""How our own networks were trained: the adversary, a run that can be repeated, the data."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import foolbox
import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn.functional import cross_entropy

from course_lib import cifar_network, load_model
from training import cifar
from training.adversary import attack
from training.evaluate import attacked_accuracies, clean_accuracy
from training.export import LOGS, export
from training.train import RECIPES, Run, augmented

ROBUST = replace(RECIPES["robust"], batch_size=4, epochs=1)


@pytest.fixture(scope="module")
def small_data():
    generator = torch.Generator().manual_seed(0)
    pictures = torch.randint(0, 256, (12, 3, 32, 32), generator=generator, dtype=torch.uint8)
    return pictures, torch.arange(12) % 10


@pytest.fixture(scope="session")
def cifar_folder(tmp_path_factory):
    return tmp_path_factory.mktemp("cifar")


def linear(weights):
    return lambda X: X.flatten(1) @ weights.T


def small_problem():
    generator = torch.Generator().manual_seed(3)
    weights = torch.randn(4, 3 * 5 * 6, generator=generator, dtype=torch.float64)
    X = 0.4 + 0.2 * torch.rand(7, 3, 5, 6, generator=generator, dtype=torch.float64)
    return weights, X, torch.arange(7) % 4


def test_the_attack_on_a_linear_network_finds_the_closed_form():
    """Of two classes, the loss grows along the difference of their weights, and only there."""
    weights, X, _ = small_problem()
    weights, y = weights[:2], torch.zeros(7, dtype=torch.int64)
    generator = torch.Generator().manual_seed(0)
    attacked = attack(linear(weights), X, y, 0.1, 50, 0.02, generator)
    direction = (weights[1] - weights[0]) / (weights[1] - weights[0]).norm()
    expected = (0.1 * direction).view(1, 3, 5, 6).expand_as(X)
    assert torch.allclose(attacked - X, expected, atol=1e-3)


def test_the_attack_stays_in_the_ball_and_among_pictures():
    weights, X, y = small_problem()
    X = (X - 0.4) * 5  # pixels at both ends
    generator = torch.Generator().manual_seed(0)
    attacked = attack(linear(weights), X, y, 0.7, 5, 0.3, generator)
    assert attacked.min() >= 0 and attacked.max() <= 1
    assert (attacked - X).flatten(1).norm(dim=1).max() <= 0.7 + 1e-9


def test_the_attack_does_as_much_harm_as_foolboxs():
    weights, X, y = small_problem()

    class Linear(torch.nn.Module):
        def forward(self, images):
            return linear(weights)(images)

    ours = attack(linear(weights), X, y, 0.2, 40, 0.03, torch.Generator().manual_seed(0))
    method = foolbox.attacks.L2ProjectedGradientDescentAttack(
        abs_stepsize=0.03, steps=40, random_start=True
    )
    torch.manual_seed(0)
    _, theirs, _ = method(foolbox.PyTorchModel(Linear().eval(), bounds=(0, 1)), X, y, epsilons=0.2)
    losses = [float(cross_entropy(linear(weights)(images), y)) for images in (ours, theirs)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-3)


def test_augmentation_moves_and_mirrors_whole_pictures(small_data):
    pictures, _ = small_data
    moved = augmented(pictures, torch.Generator().manual_seed(1))
    assert moved.shape == (12, 3, 32, 32) and moved.min() >= 0 and moved.max() <= 1
    padded = torch.nn.functional.pad(pictures.float() / 255, (4, 4, 4, 4), mode="reflect")
    for whole, crop in zip(padded, moved, strict=True):
        windows = whole.unfold(1, 32, 1).unfold(2, 32, 1).permute(1, 2, 0, 3, 4)
        same = [(windows == c).flatten(2).all(2).any() for c in (crop, crop.flip(2))]
        assert any(same)


def test_two_steps_repeated_from_the_seed_give_the_same_losses(small_data):
    losses = []
    for _ in range(2):
        run = Run(ROBUST, *small_data)
        run.network.train()
        losses.append([run.step(*batch)[0] for batch, _ in zip(run.batches(0), "12", strict=False)])
    assert losses[0] == losses[1] and losses[0][0] != losses[0][1]


def test_a_run_that_was_cut_off_goes_on_as_if_it_had_not_been(small_data, tmp_path, capsys):
    recipe = replace(ROBUST, epochs=2)
    whole, first = Run(recipe, *small_data), Run(recipe, *small_data)
    first.epoch(0)
    first.save(tmp_path / "run.pt")
    second = Run(recipe, *small_data)
    second.load(tmp_path / "run.pt")
    second.epoch(1)
    for number in range(2):
        whole.epoch(number)
    assert [e["loss"] for e in second.log] == [e["loss"] for e in whole.log]
    for mine, theirs in zip(second.network.parameters(), whole.network.parameters(), strict=True):
        assert torch.equal(mine, theirs)


def test_a_run_of_another_recipe_is_refused(small_data, tmp_path):
    run = Run(ROBUST, *small_data)
    run.save(tmp_path / "run.pt")
    with pytest.raises(ValueError, match="another recipe"):
        Run(replace(ROBUST, epsilon=0.1), *small_data).load(tmp_path / "run.pt")


def test_exported_weights_are_those_that_load(small_data, tmp_path, monkeypatch):
    run = Run(ROBUST, *small_data)
    run.save(tmp_path / "run.pt")
    monkeypatch.setattr(cifar_network, "FOLDER", tmp_path / "weights")
    monkeypatch.setattr("training.export.LOGS", tmp_path / "logs")
    export("robust", tmp_path / "run.pt")
    from training.export import write_checksums

    write_checksums()
    loaded = cifar_network.load("cifar_robust").state_dict()
    for name, value in run.network.state_dict().items():
        assert torch.allclose(loaded[name].float(), value.float(), rtol=1e-3, atol=1e-4)


def test_damaged_weights_are_said(tmp_path, monkeypatch):
    (tmp_path / "cifar_plain.safetensors").write_bytes(b"cut off")
    (tmp_path / "SHA256SUMS").write_text("0" * 64 + "  cifar_plain.safetensors\n")
    monkeypatch.setattr(cifar_network, "FOLDER", tmp_path)
    with pytest.raises(FileNotFoundError, match="damaged: install the package again"):
        load_model("cifar_plain")


def test_the_npm_sheets_hold_one_picture_a_row(tmp_path):
    package = tmp_path / "package"
    package.mkdir()
    rows = np.random.default_rng(0).integers(0, 256, (3, 1024, 3), dtype=np.uint8)
    Image.fromarray(rows).save(package / "test_batch.png")
    (package / "test_lables.json").write_text("[3, 8, 8]")
    pictures, labels = cifar.load("test", tmp_path)
    assert pictures.shape == (3, 3, 32, 32) and labels.tolist() == [3, 8, 8]
    assert pictures[1, 2, 5, 7] == rows[1, 5 * 32 + 7, 2]


def test_data_that_cannot_be_fetched_is_said(tmp_path):
    with pytest.raises(cifar.MissingData, match="npm does not run"):
        cifar.load("test", tmp_path, npm="no-such-command")
    failing = tmp_path / "npm"
    failing.write_text("#!/bin/sh\necho no network >&2\nexit 1\n")
    failing.chmod(0o755)
    with pytest.raises(cifar.MissingData, match="no network"):
        cifar.load("test", tmp_path, npm=str(failing))


@pytest.mark.slow
def test_the_first_two_steps_of_the_real_runs_come_out_as_logged(cifar_folder):
    data = cifar.load("train", cifar_folder)
    for name, recipe in RECIPES.items():
        logged = json.loads((LOGS / f"{name}.json").read_text(encoding="utf-8"))
        run = Run(recipe, *data)
        run.network.train()
        losses = [run.step(*batch)[0] for batch, _ in zip(run.batches(0), "12", strict=False)]
        assert losses == pytest.approx(logged["epochs"][0]["first losses"], rel=1e-4)


@pytest.mark.slow
def test_the_pair_is_as_accurate_as_its_card_says(cifar_folder):
    """What `python -m training.evaluate` noted, measured again; the attacks on some pictures."""
    measured = json.loads((cifar_network.FOLDER / "measured.json").read_text(encoding="utf-8"))
    pictures, labels = cifar.load("test", cifar_folder)
    some = pictures[:250], labels[:250]
    for name in cifar_network.NAMES:
        model = load_model(name)
        noted = measured[name]
        assert clean_accuracy(model, pictures, labels) == pytest.approx(noted["clean"], abs=2e-3)
        for attacker, share in attacked_accuracies(model, *some).items():
            assert share == pytest.approx(noted[attacker], abs=0.06)


def test_the_commands_explain_themselves():
    for module in ("train", "export", "evaluate"):
        done = subprocess.run(
            [sys.executable, "-m", f"training.{module}", "--help"],
            capture_output=True,
            check=True,
            cwd=Path(__file__).parents[1],
        )
        assert b"usage" in done.stdout
