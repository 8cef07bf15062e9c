"""What several test modules share: the built website."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT / "site"))  # last, so that its build.py hides no package of that name


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist reads the groups
def pytest_collection_modifyitems(items):
    """Which tests stay together in one process: those of a module, or of a judged exercise, since
    they share what is slow to make."""
    for item in items:
        exercise = getattr(item, "callspec", None) and item.callspec.params.get("exercise")
        item.add_marker(pytest.mark.xdist_group(getattr(exercise, "name", item.module.__name__)))


@pytest.fixture(scope="session")
def built_site():
    """The folder of the published site, built first if anything was edited since."""
    built = subprocess.run(
        [sys.executable, ROOT / "site/build.py", "--if-changed"],
        check=False,
        capture_output=True,
        text=True,
    )
    assert built.returncode == 0, built.stderr
    return ROOT / "_build/html"
