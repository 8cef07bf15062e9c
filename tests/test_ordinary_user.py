"""Attacks on a grader who is an ordinary user: not root, and no owner of the course's files.

Only root can become somebody else; whoever else runs the tests has this in test_attacks itself.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SOMEBODY = "1000"  # a user number; the machine needs no account of that number
SOME = "_20_ or deaf or asleep or processes or pipe or network or gradients or shared"

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user"),
    pytest.mark.skipif(not shutil.which("setpriv"), reason="setpriv, of util-linux, is missing"),
]


def as_somebody(command, home):
    """Run a command as SOMEBODY; root's home is empty then but for Python and the course."""
    view = ["--dev-bind", "/", "/", "--perms", "0755", "--tmpfs", "/root"]
    for folder in (Path(sys.base_prefix).resolve(), ROOT):
        for parent in [*reversed(folder.parents), folder]:
            if parent.is_relative_to("/root/"):
                view += ["--perms", "0755", "--dir", str(parent)]
        view += ["--ro-bind", str(folder), str(folder)]
    view += ["--bind", str(home), str(home), "--chdir", str(ROOT)]
    for right in ("CAP_SETUID", "CAP_SETGID", "CAP_SETPCAP"):
        view += ["--cap-add", right]
    become = ["setpriv", "--reuid", SOMEBODY, "--regid", SOMEBODY, "--clear-groups"]
    variables = {"HOME": str(home), "TMPDIR": str(home), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        ["bwrap", *view, *become, "--bounding-set=-all", "--inh-caps=-all", *command],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, **variables},
    )


@pytest.fixture
def home():
    """A home that another user reaches, which pytest's own folders are not."""
    home = Path("/tmp", f"somebody-{os.getpid()}")
    home.mkdir(mode=0o755)
    os.chown(home, int(SOMEBODY), int(SOMEBODY))
    yield home
    shutil.rmtree(home)


def attack(home, *selection, module="test_attacks"):
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    places = ["--basetemp", str(home / "tests"), str(ROOT / f"tests/{module}.py")]
    return as_somebody([*command, *places, *selection], home)


def test_somebody_is_neither_root_nor_able_to_become_it(home):
    said = as_somebody(["grep", "-E", "^(Uid|CapEff|CapBnd|NoNewPrivs)", "/proc/self/status"], home)
    uid, effective, bounding, no_new = (line.split()[1:] for line in said.stdout.splitlines())
    assert set(uid) == {SOMEBODY}
    assert [int(effective[0], 16), int(bounding[0], 16), no_new[0]] == [0, 0, "1"]


def test_some_attacks_fail_on_an_ordinary_users_grader(home):
    done = attack(home, "-k", SOME)
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout


def test_what_an_ordinary_user_may_not_read_waits_for_a_human(home):
    done = attack(home, "-k", "unreadable_folders", module="test_collecting")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "4 passed" in done.stdout


@pytest.mark.slow
def test_all_attacks_fail_on_an_ordinary_users_grader(home):
    done = attack(home)
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout
