"""Whatever the cells do, `run` returns, tells how each ended and leaves no process behind."""

import os
import time
from dataclasses import replace

import psutil
import pytest
from nbformat import v4

from autograder import sandbox
from autograder.execution import run
from autograder.notebooks import METADATA
from autograder.statuses import Limits

ENDLESS = str(271_828_000 + os.getpid())  # seconds; no other test's process sleeps as long
QUICK = Limits(cell_seconds=2, submission_seconds=20, output_characters=10_000)
HAND_IN = "import os; open(os.environ['COURSE_EVIDENCE'] + '/f.safetensors', 'w').write('arrays')"
DEAF = """
import time
while True:
    try:
        time.sleep(1)
    except BaseException:
        pass
"""


@pytest.fixture(params=["sandbox", "kernel"])
def trusted(request):
    """Both ways of running: behind walls, and in an ordinary kernel."""
    return request.param == "kernel"


@pytest.fixture
def execute(tmp_path, trusted):
    """Runs cells; returns their outcomes and the Execution."""

    def execute_cells(*sources, limits=QUICK, files=None):
        limits = replace(limits, trusted=trusted)
        cells = [v4.new_code_cell(source, id=f"c{i}") for i, source in enumerate(sources)]
        cells.append(v4.new_markdown_cell("", id="check_f"))  # the check that hands f in
        for name in ("examples", "evidence"):
            (tmp_path / name).mkdir()
        execution = run(
            v4.new_notebook(cells=cells, metadata=METADATA),
            tmp_path / "examples",
            tmp_path / "evidence",
            limits,
            files,
        )
        return [status.outcome for status in execution.statuses], execution

    yield execute_cells
    commands = [process.info["cmdline"] or [] for process in psutil.process_iter(["cmdline"])]
    assert not [c for c in commands if "sleep" in c and ENDLESS in c]


def text(execution, position):
    """What a cell showed."""
    outputs = execution.notebook.cells[position].outputs
    return "".join(o.get("text", "") or o.get("data", {}).get("text/plain", "") for o in outputs)


def test_evidence_comes_out_and_files_stand_beside_the_notebook(execute, tmp_path):
    (tmp_path / "files" / "checks").mkdir(parents=True)
    (tmp_path / "files" / "checks" / "f.txt").write_text("data", encoding="utf-8")
    outcomes, execution = execute("open('checks/f.txt').read()", HAND_IN, files=tmp_path / "files")
    assert outcomes == ["done", "done"]
    assert text(execution, 0) == "'data'"
    assert (execution.evidence / "f.safetensors").read_text(encoding="utf-8") == "arrays"


def test_an_error_stops_its_own_cell_only(execute):
    outcomes, execution = execute("1 / 0", "def f(:", "raise SystemExit", HAND_IN)
    assert outcomes == ["error", "error", "error", "done"]
    assert execution.statuses[0].sentence == "raised ZeroDivisionError: division by zero"
    assert (execution.evidence / "f.safetensors").is_file()


def test_a_weak_references_callback_does_not_swallow_the_interruption(execute, trusted):
    churn = "import weakref\nclass Key: pass\nkept = weakref.WeakKeyDictionary()\n"
    outcomes, _ = execute(f"{churn}while True: kept[Key()] = 1", "6 * 7")
    assert outcomes[0] == "stopped"
    assert trusted or outcomes[1] == "done"  # a kernel may have to be ended


def test_an_endless_cell_is_interrupted_and_the_next_one_runs(execute):
    outcomes, execution = execute("while True: pass", "6 * 7")
    assert outcomes == ["stopped", "done"]
    assert execution.statuses[0].sentence == "was stopped after 2 s"
    assert text(execution, 1) == "42"


def test_a_cell_deaf_to_interrupts_is_killed_and_the_evidence_so_far_counts(execute):
    outcomes, execution = execute(HAND_IN, DEAF, "6 * 7")
    assert outcomes == ["done", "stopped", "not run"]
    assert execution.statuses[2].sentence == "not run: an earlier cell was stopped after 2 s"
    assert (execution.evidence / "f.safetensors").is_file()


@pytest.mark.parametrize(
    "crash",
    ["import os; os._exit(1)", "import ctypes; ctypes.string_at(0)", "import os; os.abort()"],
)
def test_a_dead_kernel_is_told(execute, crash):
    outcomes, execution = execute(HAND_IN, crash, "6 * 7")
    assert outcomes == ["done", "died", "not run"]
    assert "ended the Python process" in execution.statuses[2].sentence
    assert (execution.evidence / "f.safetensors").is_file()


def test_the_whole_notebook_has_a_limit_too(execute):
    endless = "while True: pass"
    outcomes, execution = execute("6 * 7", endless, endless, limits=Limits(10, 2.5))
    assert outcomes == ["done", "stopped", "not run"]
    assert "the 2.5 s for the whole notebook" in execution.statuses[2].sentence


def test_no_process_is_left_behind(execute, trusted):
    sleep = ["sleep", ENDLESS]
    spawn = f"import subprocess; subprocess.Popen({sleep}, start_new_session=True)"
    fork = f"import os\nif not os.fork():\n    os.setsid(); os.execvp('sleep', {sleep})"
    outcomes, _ = execute(spawn, fork)
    assert outcomes == (["done", "done"] if trusted else ["error", "error"])


def test_a_flood_of_output_is_cut(execute):
    outcomes, execution = execute(
        "for i in range(300):\n    print('x' * 1000, flush=True)", "6 * 7"
    )
    assert outcomes == ["done", "done"]
    assert 0 < len(text(execution, 0)) <= QUICK.output_characters
    assert text(execution, 1) == "42"


def test_a_question_to_the_keyboard_does_not_wait(execute):
    outcomes, _ = execute("input('?')", HAND_IN)
    assert outcomes == ["error", "done"]


def test_the_graders_environment_stays_outside(execute, monkeypatch):
    monkeypatch.setenv("A_SECRET", "1234")
    monkeypatch.setenv("MPLBACKEND", "Agg")
    _, execution = execute(
        "import os; [name for name in ('A_SECRET', 'MPLBACKEND') if name in os.environ]",
        "os.environ['OMP_NUM_THREADS'], os.environ['HOME'] == os.path.expanduser('~root')",
    )
    assert "A_SECRET" not in text(execution, 0)
    assert text(execution, 1).startswith("('1', False")


def test_a_link_is_no_evidence(execute, tmp_path):
    (tmp_path / "secret").write_text("not for students", encoding="utf-8")
    link = "import os; os.symlink(%r, os.environ['COURSE_EVIDENCE'] + '/f.safetensors')"
    outcomes, execution = execute(link % str(tmp_path / "secret"))
    assert outcomes == ["done"] and not list(execution.evidence.iterdir())


@pytest.mark.parametrize("room", ["solutions.saliency", "autograder"])
def test_the_answers_and_the_judge_are_not_on_the_path(execute, room):
    outcomes, execution = execute("import course_lib", f"import {room}", limits=Limits())
    assert outcomes == ["done", "error"]
    assert "No module named" in execution.statuses[1].sentence


def test_15_whoever_puts_out_too_much_is_not_waited_for(execute, trusted, monkeypatch):
    monkeypatch.setattr(sandbox, "MOST_BYTES", 100_000)
    flood = (
        HAND_IN + "\nopen(os.environ['COURSE_EVIDENCE'] + '/g.safetensors', 'w').write('x' * 10**7)"
    )
    started = time.monotonic()
    outcomes, execution = execute(flood, "6 * 7", limits=Limits(9, 60))
    assert time.monotonic() - started < 60
    assert outcomes == ["done", "done" if trusted else "not run"]
    assert trusted or execution.statuses[1].sentence == "not run: the notebook put out too much"
