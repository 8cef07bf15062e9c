"""Each way to build a sandbox: what a submission sees, may use together, and leaves behind."""

import os
import subprocess
import time
from pathlib import Path

import pytest
from nbformat import v4
from sandbox_ways import (
    end_sandboxes,
    lends_control_groups,
    only_way,
    skip_where_threads_are_unbounded,
    warm_parent,
)

from autograder import control_group, isolation, sandbox
from autograder.errors import CourseError
from autograder.execution import run
from autograder.notebooks import METADATA
from autograder.statuses import LOST, Limits
from autograder.walls import CONTAINER, REAL_USER, USER_NAMESPACE

LIMITS = Limits(cell_seconds=20, submission_seconds=30)
LOOK = """
import os
seen = []
for top, folders, files in os.walk("/"):
    if top.startswith(("/scratch", "/tmp")) or top.count("/") > 3:
        folders.clear()
        continue
    seen += [os.path.join(top, name) for name in folders + files]
links = [path for path in seen if os.path.islink(path)]
print([p for p in seen if p not in links and os.access(p, os.W_OK) and not p.startswith("/dev/")])
print(sorted(os.listdir("/proc")), os.getuid() != 0, "SECRET" in os.environ)
print([(name, value) for name, value in os.environ.items() if "password" in value])
"""
SMALL_STACKS = "import threading; threading.stack_size(65536)"
THREADS = """
import threading, time
try:
    for number in range(10**5):
        threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
except RuntimeError:
    print(number)
"""
SHARED = "import mmap\nm = mmap.mmap(-1, 2 * 10**9)\nfor _ in range(2000): m.write(b'1' * 10**6)"


@pytest.fixture(scope="module", params=[REAL_USER, USER_NAMESPACE, CONTAINER])
def walls(request, ways):
    """All ways to build the walls, as their word."""
    if request.param not in ways:
        pytest.skip(f"this machine has no way for: {request.param}")
    with pytest.MonkeyPatch.context() as patch, only_way(ways[request.param]):
        patch.setenv("SECRET", "of the one who grades")
        patch.setenv("http_proxy", "http://somebody:password@127.0.0.1:9")
        yield request.param


@pytest.fixture
def execute(walls, tmp_path):
    """Runs a cell in a sandbox; returns its text, how it ended, and the doubt."""

    def execute_cell(source):
        folders = [Path(tmp_path, name) for name in ("examples", "evidence")]
        for folder in folders:
            folder.mkdir(exist_ok=True)
        notebook = v4.new_notebook(cells=[v4.new_code_cell(source, id="c")], metadata=METADATA)
        execution = run(notebook, *folders, LIMITS)
        text = "".join(
            str(output.get("text", "")) for output in execution.notebook.cells[0].outputs
        )
        return text, execution.statuses[0].outcome, execution.doubt

    return execute_cell


def test_a_submission_sees_no_process_no_secret_and_writes_only_into_its_own_folder(execute):
    text, outcome, _ = execute(LOOK)
    assert outcome == "done"
    writable, rest, passwords = text.splitlines()
    assert (writable, passwords) == ("['/scratch']", "[]")
    assert rest in ("[] True False", "['cpuinfo'] True False")


def test_nothing_is_left_for_the_next_submission(execute):
    execute("open('/tmp/hint', 'w').write('the answer'); open('/scratch/hint', 'w')")
    text, _, _ = execute("import os; print(*map(os.path.exists, ['/tmp/hint', '/scratch/hint']))")
    assert text == "False False\n"


def test_memory_that_no_limit_of_one_process_counts_is_bounded_for_all(
    execute, walls, monkeypatch, tmp_path_factory
):
    if walls != CONTAINER and not lends_control_groups():
        pytest.skip("this machine lends no control group")
    here = tmp_path_factory.mktemp("here")
    monkeypatch.chdir(here)
    monkeypatch.setattr(sandbox, "MOST_MEMORY", 12 * 10**8)
    end_sandboxes()
    assert execute(SHARED)[1:] == ("died", "")
    assert execute("print('next')")[:2] == ("next\n", "done")
    end_sandboxes()
    assert list(here.iterdir()) == []


def test_threads_are_bounded(execute, walls):
    skip_where_threads_are_unbounded(walls)
    assert 100 < int(execute(SMALL_STACKS + THREADS)[0]) < sandbox.MOST_PROCESSES
    assert execute("print('next')")[:2] == ("next\n", "done")


def test_as_many_threads_as_there_may_be_leave_memory_for_the_answer(execute, walls):
    """Else a thread finds none for itself, and Python waits for it for ever."""
    skip_where_threads_are_unbounded(walls)
    text, outcome, _ = execute(THREADS + "print(len(bytes(500_000_000)))")
    assert (text.split()[1:], outcome) == (["500000000"], "done")


def test_what_one_users_submissions_use_up_is_not_missing_in_another_sandbox(
    execute, walls, monkeypatch
):
    """Linux counts threads by user: a submission could use up those of another sandbox's."""
    if walls == USER_NAMESPACE:
        pytest.skip("there a user counts for each namespace alone")
    users, limits = set(), sandbox.Sandbox._limits
    for number in range(2):
        other = staticmethod(lambda given, number=number: limits(given) | {"sandbox": number})
        monkeypatch.setattr(sandbox.Sandbox, "_limits", other)
        users.add(execute("import os; print(os.getuid(), os.getgid())")[0])
    assert len(users) == 2


def test_when_it_is_closed_everything_in_it_has_ended(execute):
    execute("1")
    (box,) = sandbox._kept.values()
    parent = warm_parent(box)
    box.close()
    assert ends(parent)
    assert not box._exchange.exists()
    assert left_groups() == []


def test_a_lost_sandbox_leaves_a_doubt_and_the_next_submission_gets_a_new_one(execute):
    execute("1")
    (box,) = sandbox._kept.values()
    warm_parent(box).kill()
    _, outcome, doubt = execute("1")
    assert (outcome, doubt) == ("not run", LOST)
    assert execute("print('again')")[:2] == ("again\n", "done")


def test_its_warm_process_does_not_outlive_a_grader_that_is_killed(execute, walls):
    """bubblewrap ends with the grader; in a container the warm process finds its door closed."""
    execute("1")
    (box,) = sandbox._kept.values()
    parent = warm_parent(box)
    box._control.close()
    if walls != CONTAINER:
        box._process.kill()
    assert ends(parent)


def ends(process, seconds=10):
    """Whether a process ends in some time."""
    deadline = time.monotonic() + seconds
    while process.is_running() and process.status() != "zombie":
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def left_groups():
    """Control groups of this process's that are still there."""
    mine = f"{control_group.PREFIX}{os.getpid()}-*"
    parents = [parent for some in control_group._possible_parents() for parent in some]
    return [group for parent in parents for group in parent.glob(mine)]


def test_what_a_killed_grader_left_of_control_groups_is_removed():
    if not lends_control_groups():
        pytest.skip("this machine lends no control group")
    group = control_group.make_control_groups(10**9, 100)[0]
    ended = subprocess.Popen(["true"])
    ended.wait()
    left = group.rename(group.with_name(f"{control_group.PREFIX}{ended.pid}-left"))
    control_group.remove_control_groups(control_group.make_control_groups(10**9, 100))
    assert not left.exists()


def test_where_no_control_group_is_lent_there_is_none(tmp_path, monkeypatch):
    monkeypatch.setattr(control_group, "MOUNTED", tmp_path)
    assert control_group.make_control_groups(10**9, 100) == []
    assert list(tmp_path.iterdir()) == []


def test_without_any_way_it_is_said_what_to_install(monkeypatch):
    monkeypatch.setattr(isolation, "ladder", lambda: [])
    isolation.isolation.cache_clear()
    with pytest.raises(CourseError, match="neither bwrap nor a container engine.*apt-get install"):
        isolation.require_isolation(trusted=False)
    isolation.isolation.cache_clear()


def test_a_sandbox_that_does_not_start_says_why(ways, monkeypatch):
    monkeypatch.setattr(sandbox, "START_SECONDS", 0.01)
    with only_way(next(iter(ways.values()))), pytest.raises(CourseError, match="did not start"):
        sandbox.sandbox()
