"""Make what the gradient lab loads: networks as ONNX graphs, photographs, colours, class names.

Run: python site/export_graph.py --out _build/extra/lab/
Takes a minute or two; nothing when nothing changed. site/build.py runs it too.
"""

import argparse
import gzip
import hashlib
import json
import shutil
import tempfile
from importlib.metadata import version
from pathlib import Path

import matplotlib
from gradient_graph import describe_taps, export_gradient_graph, round_weights, whole_stride
from PIL import Image
from tqdm import tqdm

import course_lib
from course_lib import load_model, load_photo
from course_lib.photos import photo_credits

SITE = Path(__file__).resolve().parent
ROOT = SITE.parent
SCRIPTS = SITE / "lab"
EXPORTED = ROOT / "_build/lab-networks"
ENGINE = "../vendor/onnxruntime/ort-wasm-simd-threaded.wasm.gz"
ENGINE_SCRIPT = "../vendor/onnxruntime/ort.wasm.bundle.min.mjs"
THUMBNAIL = 96  # pixels
_CIFAR_TAPS = ("silu1", "silu3", "silu5", "silu7", "pool")
NETWORKS = {  # name: (what readers are told, layers with a tap)
    "efficientnet_lite0": (
        "EfficientNet-Lite0, 1,000 classes",
        (
            "blocks.0.0", "blocks.1.1", "blocks.2.1", "blocks.3.2", "blocks.4.0", "blocks.4.2",
            "blocks.5.1", "blocks.5.3", "blocks.6.0", "bn2",
        ),
    ),
    "cifar_robust": ("Our small robust network, 10 classes", _CIFAR_TAPS),
    "cifar_plain": ("Its ordinary twin, 10 classes", _CIFAR_TAPS),
}  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=ROOT / "_build/extra/lab", help="a folder")
    build_lab(parser.parse_args().out)


def build_lab(target):
    """Fill the folder `target`, beside which vendor_scripts has put the runtime."""
    export_networks()
    _replace(Path(target), lambda work: _assemble(work, Path(target).parent))


def export_networks():
    """Fill EXPORTED, which takes its time; nothing to do when nothing changed."""
    stamp = EXPORTED / "stamp"
    wanted = _fingerprint()
    if not stamp.is_file() or stamp.read_text() != wanted:
        _replace(EXPORTED, _export_networks)
        stamp.write_text(wanted)


def _fingerprint():
    digest = hashlib.sha256(f"{version('torch')} {version('onnxscript')}".encode())
    package = sorted(Path(course_lib.__file__).parent.rglob("*"))
    for path in [*package, SITE / "gradient_graph.py", SITE / "export_graph.py"]:
        if path.is_file() and "__pycache__" not in path.parts:
            digest.update(path.read_bytes())
    return digest.hexdigest()


def _replace(folder, fill):
    """A folder that is filled elsewhere first, so that a failure leaves the old one."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as work:
        fresh = Path(work) / "fresh"
        fresh.mkdir()
        fill(fresh)
        shutil.rmtree(folder, ignore_errors=True)
        fresh.rename(folder)


def _export_networks(folder):
    for name, (title, taps) in tqdm(NETWORKS.items(), desc="Exporting gradient graphs"):
        model = round_weights(load_model(name))
        graph = export_gradient_graph(model, taps).SerializeToString()
        (folder / f"{name}.onnx.gz").write_bytes(gzip.compress(graph, mtime=0))
        description = {
            "title": title,
            "image_size": model.image_size,
            "whole_stride": whole_stride(model),
            "std": model.std.flatten().tolist(),
            "taps": describe_taps(model, taps),
            "classes": model.class_names,
        }
        (folder / f"{name}.json").write_text(json.dumps(description))
    _save_photos(folder / "photos")


def _save_photos(folder):
    """The photographs as the network sees them, lossless; and thumbnails."""
    folder.mkdir()
    model = load_model()
    for credit in photo_credits():
        X = model.preprocess(load_photo(credit["name"]))
        picture = Image.fromarray(model.deprocess(X)[0])
        picture.save(folder / f"{credit['name']}.webp", lossless=True)
        picture.thumbnail((THUMBNAIL, THUMBNAIL))
        picture.save(folder / f"{credit['name']}-small.webp", quality=80)


def _assemble(target, parent):
    """Scripts, exported files, and lab.json, which names them all."""
    shutil.copytree(SCRIPTS, target, dirs_exist_ok=True)
    ignore = shutil.ignore_patterns("stamp", "*.json")
    shutil.copytree(EXPORTED, target, dirs_exist_ok=True, ignore=ignore)
    networks = {
        name: json.loads((EXPORTED / f"{name}.json").read_text())
        | _file(EXPORTED / f"{name}.onnx.gz", f"{name}.onnx.gz")
        for name in NETWORKS
    }
    manifest = {
        "engine": _file(parent / ENGINE[3:], ENGINE) | {"script": ENGINE_SCRIPT},
        "networks": networks,
        "photos": [{key: credit[key] for key in ("name", "shows")} for credit in photo_credits()],
        "colours": (matplotlib.colormaps["inferno"](range(256), bytes=True)[:, :3]).tolist(),
    }
    (target / "lab.json").write_text(json.dumps(manifest))


def _file(path, address):
    """What the lab must know of a file to load it, to show progress and to keep it."""
    data = path.read_bytes()
    return {
        "file": address,
        "bytes": len(data),
        "version": hashlib.sha256(data).hexdigest()[:16],
    }


if __name__ == "__main__":
    main()
