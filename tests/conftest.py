"""What several test modules share: the built website."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT / "site"))  # last, so that its build.py hides no package of that name

SOURCES = ("_config.yml", "_toc.yml", "chapters", "solutions", "autograder", "course_lib", "site")


def is_current(built):
    """Whether the built site is newer than everything that it is made of."""
    if not built.exists():
        return False
    files = [f for name in SOURCES for f in [ROOT / name, *(ROOT / name).rglob("*")] if f.is_file()]
    edited = (f.stat().st_mtime for f in files if "__pycache__" not in f.parts)
    return max(edited) < built.stat().st_mtime


@pytest.fixture(scope="session")
def built_site():
    """The folder of the published site, built first if anything has changed since."""
    folder = ROOT / "_build/html"
    if not is_current(folder / "index.html"):
        built = subprocess.run(
            [sys.executable, ROOT / "site/build.py"], check=False, capture_output=True, text=True
        )
        assert built.returncode == 0, built.stderr
    return folder
