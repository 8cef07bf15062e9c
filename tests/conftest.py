"""What several test modules share: the built website, and the students' notebooks."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from sandbox_ways import ways_that_hold

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT / "site"))  # last, so that its build.py hides no package of that name


def pytest_itemcollected(item):
    """What shares something slow to make stays in one process: an exercise's answers, a sandbox."""
    parameters = item.callspec.params if hasattr(item, "callspec") else {}
    exercise = getattr(parameters.get("exercise"), "name", None)
    group = exercise or parameters.get("walls") or item.module.__name__
    item.add_marker(pytest.mark.xdist_group(group))


@pytest.fixture(scope="session")
def ways(tmp_path_factory):
    """By their word the ways to build a sandbox's walls that work here.

    podman's usual runtime refuses a machine with both versions of control groups; runc does not.
    """
    folder = tmp_path_factory.mktemp("ways")
    with pytest.MonkeyPatch.context() as patch:
        if shutil.which("runc"):
            settings = folder / "containers.conf"
            settings.write_text('[engine]\nruntime = "runc"\n', encoding="utf-8")
            patch.setenv("CONTAINERS_CONF", str(settings))
        yield ways_that_hold(folder)


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


@pytest.fixture(scope="session")
def students_notebooks():
    """The folder of the students' notebooks, made first if anything was edited since."""
    made = subprocess.run(
        [sys.executable, ROOT / "site/notebook_folder.py"],
        check=False,
        capture_output=True,
        text=True,
    )
    assert made.returncode == 0, made.stderr
    return ROOT / "_build/notebooks"
