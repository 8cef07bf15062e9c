"""Bundle trained networks: ``python -m training.export plain robust``.

Writes half-precision weights and their checksums into the student's package, and beside this file
the log and the picture of each run.
"""

import argparse
import json
from hashlib import sha256
from pathlib import Path

import torch
from safetensors.torch import save

from course_lib import cifar_network
from training.train import RECIPES

LOGS = Path(__file__).parent / "logs"


def export(name, run):
    """Write one network's weights, half precision, and its training log.

    Args:
        name: a key of `training.train.RECIPES`.
        run: `pathlib.Path` of the state that `training.train` saved.
    """
    state = torch.load(run, map_location="cpu", weights_only=True)
    weights = {
        key: (value.half() if value.is_floating_point() else value).contiguous()
        for key, value in state["network"].items()
    }
    cifar_network.FOLDER.mkdir(exist_ok=True)
    (cifar_network.FOLDER / f"cifar_{name}.safetensors").write_bytes(save(weights))
    LOGS.mkdir(exist_ok=True)
    log = {"recipe": state["recipe"], "epochs": state["log"]}
    (LOGS / f"{name}.json").write_text(json.dumps(log, indent=1) + "\n", encoding="utf-8")


def write_checksums():
    """Note the SHA-256 of each weights file."""
    files = sorted(cifar_network.FOLDER.glob("*.safetensors"))
    lines = [f"{sha256(file.read_bytes()).hexdigest()}  {file.name}\n" for file in files]
    (cifar_network.FOLDER / "SHA256SUMS").write_text("".join(lines), encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="+", choices=RECIPES)
    parser.add_argument("--runs", type=Path, default=Path("_build/training"))
    arguments = parser.parse_args()
    for name in arguments.names:
        export(name, arguments.runs / f"{name}.pt")
    write_checksums()


if __name__ == "__main__":
    main()
