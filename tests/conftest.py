"""What several test modules share: the built website."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT / "site"))  # last, so that its build.py hides no package of that name


def pytest_itemcollected(item):
    """Tests of one exercise stay in one process: they share its answers, which are slow to make."""
    exercise = item.callspec.params.get("exercise") if hasattr(item, "callspec") else None
    item.add_marker(pytest.mark.xdist_group(getattr(exercise, "name", item.module.__name__)))


@pytest.fixture(scope="session")
def lab_folder():
    """What the gradient lab loads, as the site serves it; made first if anything was edited."""
    from export_graph import build_lab
    from vendor_scripts import vendor_scripts

    extra = ROOT / "_build/extra"
    vendor_scripts(extra / "vendor")
    build_lab(extra / "lab")
    return extra / "lab"


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
