"""Attacks by a student who has read the grader: none earns points, reads, writes or stops a thing.

The numbers are the rows of the course's list of threats. Those that tamper with the notebook's
file or its folder are in test_intake, test_collecting and test_threats, those that hand in
malformed evidence also in test_judge.
"""

import shutil
import time
from pathlib import Path

import nbformat
import pytest
from course_pages import hand_in, write_pages
from sandbox_ways import only_way, skip_where_threads_are_unbounded, warm_parent

from autograder import file_view, find_exercise, sandbox
from autograder.course import Course, Submission
from autograder.examination import examine
from autograder.grading import _locked_sources
from autograder.intake import take_in
from autograder.release import release
from autograder.statuses import Limits
from autograder.walls import CONTAINER, REAL_USER, USER_NAMESPACE

CHAPTER, NAME = "saliency", "compute_saliency_maps"
LIMITS = Limits(cell_seconds=2, submission_seconds=5, output_characters=20_000)
ANSWER = find_exercise(NAME).source
POINTS = find_exercise(NAME).points
STUB = f"def {NAME}(X, y, model):\n    return X[:, 0] * 0 + 1.0\n"


def inside(code):
    """An answer that does something harmful when it is called."""
    body = "".join(f"    {line}\n" for line in code.splitlines())
    return f"def {NAME}(X, y, model):\n{body}    return X[:, 0]\n"


NO_POINTS = {
    "7 input transformer": "ip = get_ipython()\nip.input_transformers_cleanup.append("
    f"lambda lines: ['{NAME} = 1\\n'])\n" + STUB,
    "7 run_cell patched": "type(get_ipython()).run_cell = lambda *a, **k: None\n" + STUB,
    "7 a result that prints full marks": STUB + "print('6.0')\n6.0",
    "8 equal to everything": "import torch\nclass Same(torch.Tensor):\n"
    "    def __eq__(self, other): return True\n"
    + inside("return X[:, 0].as_subclass(Same)"),
    "8 an object for a tensor": "class Any:\n    def __getattr__(self, name): return Any()\n"
    "    def __call__(self, *a, **k): return Any()\n    def __array__(self, *a): return 1\n"
    + inside("return Any()"),
    "9 allclose patched": "import torch\ntorch.allclose = torch.equal = lambda *a, **k: True\n"
    "torch.testing.assert_close = lambda *a, **k: None\n" + STUB,
    "9 the judge's modules patched": "import course_lib.verdict as v\n"
    "v.equal = lambda *a: True\nv.give_verdict = lambda *a: None\n" + STUB,
    "9 the collector patched": "import course_lib.evidence as e\n"
    "e.observe_all = lambda *a: []\n" + STUB,
    "10 frames forged": "import json, os\nhead = json.dumps({'kind': 'evidence', 'size': 4, "
    f"'name': '{NAME}.safetensors'}})\n"
    "for fd in range(3, 60):\n    try:\n        os.write(fd, head.encode() + b'\\nfull')\n"
    "    except OSError: pass\n" + STUB,
    "10 frames nested deeply": "import os\nd = '[' * 800 + ']' * 800\nfor fd in range(3, 60):\n"
    f"    for kind, more in (('begin', 'seconds'), ('cell', 'ename'), ('failed', 'why')):\n"
    f"        try: os.write(fd, f'{{{{\"kind\": \"{{kind}}\", \"cell\": \"{NAME}\", \"size\": 0, "
    f"\"{{more}}\": {{d}}}}}}\\n'.encode())\n        except OSError: pass\n" + STUB,
    "10 frames that lie about their size": "import os\nfor fd in range(3, 60):\n    try:\n"
    "        os.write(fd, b'{\"kind\": \"cell\", \"size\": 99999999999999}\\n')\n"
    "    except OSError: pass\n" + STUB,
    "11 exit in the function": inside("raise SystemExit"),
    "11 the process ended": inside("import os; os._exit(0)"),
    "11 segmentation fault": inside("import ctypes; ctypes.string_at(0)"),
    "11 killed by itself": inside("import os, signal; os.kill(os.getpid(), signal.SIGKILL)"),
    "12 endless": inside("while True: pass"),
    "12 endless and deaf": inside("while True:\n    try:\n        while True: pass\n"
                                  "    except BaseException: pass"),
    "12 all signals blocked": inside("import signal\n"
                                     "signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))\n"
                                     "while True: pass"),
    "12 the timers disarmed": inside("import signal\nsignal.setitimer(signal.ITIMER_PROF, 0)\n"
                                     "signal.setitimer(signal.ITIMER_REAL, 0)\nwhile True: pass"),
    "12 asleep": inside("import time; time.sleep(10**6)"),
    "14 memory": inside("x = bytearray(10**11)"),
    "14 memory, bit by bit": inside("x = []\nwhile True: x.append(bytearray(10**7))"),
    "14 shared memory": inside("import mmap; m = mmap.mmap(-1, 10**11); m.write(b'1' * 10**8)"),
    "12 asleep, the timers disarmed": inside(
        "import signal, time\nsignal.setitimer(signal.ITIMER_REAL, 0)\ntime.sleep(10**6)"
    ),
    "12 the group stopped": inside("import os, signal; os.kill(0, signal.SIGSTOP); 1 / 0"),
    "12 the group killed": inside("import os, signal; os.kill(0, signal.SIGKILL); 1 / 0"),
    "14 half a character": inside("raise ValueError('\\ud800')"),
    "22 a map of the course's own tools": inside(
        "from course_lib import probes\nreturn probes._wave_heights(X, y, model)"
    ),
    "38 far away": inside("return X.detach()[:, 0] + 1e9"),
    "8 a tiny type": inside("import torch; return X.detach()[:, 0].to(torch.float8_e4m3fn)"),
    "14 memory that no limit of files counts": inside(
        "import os; [os.write(os.memfd_create(str(i)), bytes(10**7)) for i in range(200)]"
    ),
    "14 shared memory in pieces": inside(
        "import mmap; kept = [mmap.mmap(-1, 2**28) for _ in range(20)]"
    ),
    "33 a magic that takes long": "%timeit -n 1000000 -r 100 sum(range(1000))\n" + STUB,
    "15 a dict of very many names": inside(
        "import torch; return {str(i): torch.ones(1) for i in range(10**6)}"
    ),
    "10 an error's name without an end": inside(
        "class E(Exception): pass\nE.__name__ = 'x' * 10**6\nraise E"
    ),
    "15 very many numbers": inside("import torch; return torch.rand(7, 3000, 3000)"),
    "14 torch's memory": inside("import torch; torch.ones(10**11)"),
    "16 many files": "try:\n    for i in range(10**6): open(f'f{i}', 'w').close()\n"
    "except OSError: pass\n" + STUB,
    "17 processes": inside("import os\nwhile True: os.fork()"),
    "17 a pool": inside("import multiprocessing as m; m.Pool(4).map(abs, [1])"),
    "17 threads": inside("import threading, time\n"
                         "while True: threading.Thread(target=time.sleep, args=(99,)).start()"),
    "18 a program": inside("import subprocess; subprocess.Popen(['sleep', '99'])"),
    "19 network": inside("import urllib.request as u; u.urlopen('http://127.0.0.1:9/')"),
    "19 abstract socket": inside("import socket; s = socket.socket(socket.AF_UNIX)"),
    "21 the notebook's class": inside("open('/edition/course_lib/verdict.py', 'a').write('x')"),
    "21 the shared folder": inside("open('/exchange/cells.json', 'w')"),
    "22 the judge imported": inside("import autograder"),
    "22 the answer imported": inside("import solutions.saliency"),
    "22 what hunts for answers": inside("import gc\nfor o in gc.get_objects():\n"
                                       f"    if getattr(o, '__name__', '') == '{NAME}' and "
                                       f"o is not {NAME}: return o(X, y, model)"),
    "33 a shell command": "!echo 6.0\n" + STUB,
    "33 the keyboard": inside("return input()"),
    "38 constants": STUB,
    "38 the picture itself": inside("return X.abs().amax(1)"),
    "38 noise": inside("import torch; return torch.rand_like(X[:, 0])"),
}  # fmt: skip
DIE = "import os\nos._exit(0)"
EVIDENCE = f"import os\np = os.environ['COURSE_EVIDENCE'] + '/{NAME}.safetensors'\n"
HANDED_IN = {
    "24 a pickle": "import pickle\nclass P:\n"
    "    def __reduce__(self): return (os.system, ('true',))"
    "\npickle.dump(P(), open(p, 'wb'))",
    "25 a lying header": "open(p, 'wb').write(b'\\xff' * 8 + b'{}')",
    "25 a huge tensor": 'h = b\'{"a":{"dtype":"F64","shape":[1000000000000],'
    '"data_offsets":[0,8000000000000]}}\'\n'
    "open(p, 'wb').write(len(h).to_bytes(8, 'little') + h)",
    "25 nothing": "open(p, 'wb')",
    "26 a link": "os.symlink('/etc/passwd', p)",
    "26 a pipe": "os.mkfifo(p)",
    "26 a folder": "os.mkdir(p)",
    "26 a sparse file": "open(p, 'wb').truncate(120 * 2**20)",
    "25 very many axes": 'h = b\'{"a":{"dtype":"U8","shape":[%s],"data_offsets":[0,1]}}\'\n'
    "h %= b','.join([b'1'] * 10**5)\nopen(p, 'wb').write(len(h).to_bytes(8, 'little') + h + b'1')",
}
HARMLESS = {
    "15 much output": "for i in range(10**5): print('x' * 100)\n",
    "15 many displays": "from IPython.display import display\nfor i in range(10**4): display(i)\n",
    "16 the disk full": "try:\n    with open('big', 'wb') as f:\n"
    "        while True: f.write(bytes(10**7))\nexcept OSError: pass\n",
    "16 a sparse file": "try: open('sparse', 'wb').truncate(10**15)\nexcept OSError: pass\n",
    "17 threads beside others": "import threading, time\ntry:\n    while True:\n"
    "        threading.Thread(target=time.sleep, args=(9,), daemon=True).start()\n"
    "except RuntimeError: pass\n",
    "27 links in the notebook's folder": "import os\n"
    "for i in range(99): os.symlink('/', f'l{i}')\n",
    "34 the default type": "import torch\ntorch.set_default_dtype(torch.float16)\n",
    "34 no gradients": "import torch\ntorch.set_grad_enabled(False)\n",
    "35 warnings": "import warnings, sys\nwarnings.warn('x')\nprint('y', file=sys.stderr)\n",
    "10 an error's name": "class E(Exception): pass\nE.__name__ = 'x' * 10**6\n",
    "30 a script": "from IPython.display import HTML, display\n"
    "display(HTML('<script>parent.points = 6</script>'))\n",
}


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A course with one released chapter."""
    course = Course.open(tmp_path_factory.mktemp("course"))
    release(course, [CHAPTER], write_pages(tmp_path_factory.mktemp("pages"), CHAPTER))
    return course


@pytest.fixture(
    scope="module",
    params=[REAL_USER, USER_NAMESPACE, pytest.param(CONTAINER, marks=pytest.mark.slow)],
)
def walls(request, ways):
    """All ways to build the walls."""
    if request.param not in ways:
        pytest.skip(f"this machine has no way for: {request.param}")
    with only_way(ways[request.param]):
        yield request.param


@pytest.fixture
def examined(course, walls):
    """Examines an answer; returns its verdict and the whole examination."""
    locked = _locked_sources(course, [CHAPTER])[CHAPTER]
    skeleton = nbformat.read(course.notebook("release", CHAPTER), 4)
    student = "Mallory"

    def examine_answer(source):
        shutil.rmtree(course.root / "submitted" / student, ignore_errors=True)
        hand_in(course, student, CHAPTER, {NAME: source})
        notebook = take_in(course.notebook("submitted", CHAPTER, student), skeleton).notebook
        for cell in notebook.cells:
            cell.source = locked.get(cell.id, cell.source)
        found = examine(course, Submission(student, CHAPTER), notebook, LIMITS)
        return found.exercises[NAME], found

    yield examine_answer
    assert _left_behind() == [], "only bubblewrap's first process and the warm parent may stay"


def _left_behind(seconds=10):
    """Processes below the warm parent, after some time to end."""
    (box,) = sandbox._kept.values()
    parent, deadline = warm_parent(box), time.monotonic() + seconds
    while left := parent.children(recursive=True):
        if time.monotonic() > deadline:
            return left
        time.sleep(0.05)
    return []


@pytest.mark.parametrize("attack", NO_POINTS)
def test_no_attack_earns_points(examined, attack):
    verdict, _ = examined(NO_POINTS[attack])
    assert verdict["points"] == 0
    assert verdict["message"]


@pytest.mark.parametrize("attack", HANDED_IN)
def test_what_is_no_evidence_earns_nothing(examined, attack):
    dies = "\nget_ipython().run_cell = None\nimport course_lib.evidence as e\n"
    verdict, _ = examined(EVIDENCE + HANDED_IN[attack] + dies + "e.hand_in = print\n" + STUB)
    assert verdict["points"] == 0


@pytest.mark.parametrize("attack", HARMLESS)
def test_a_right_answer_keeps_its_points(examined, walls, attack):
    if "threads" in attack:
        skip_where_threads_are_unbounded(walls)
    verdict, found = examined(HARMLESS[attack] + ANSWER)
    assert verdict["points"] == POINTS, verdict["message"]
    assert len(str(found.outputs[NAME])) < 6 * LIMITS.output_characters
    assert "script" not in str(found.outputs[NAME])


@pytest.mark.parametrize(
    "path",
    [
        "/proc/1/environ",
        "/etc/passwd",
        "/home",
        "/root/.ssh",
        "~/.bashrc",
        "/sys/class",
        "/proc/self",
        "/var",
        "../..",
    ],
)
def test_20_nothing_can_be_read(examined, path):
    look = f"import os\nprint(os.listdir(os.path.expanduser({path!r})))\n"
    _, found = examined(look + ANSWER)
    said = str(found.outputs[NAME])
    assert "No such file" in said or "Permission" in said or "Not a directory" in said or (
        path == "../.." and "gradebook" not in said
    )  # fmt: skip


def test_20_the_environment_is_clean(examined, monkeypatch):
    monkeypatch.setenv("A_SECRET", "1234")
    _, found = examined("import os\nprint(sorted(os.environ))\n" + ANSWER)
    assert "A_SECRET" not in str(found.outputs[NAME])


def test_13_just_under_the_limit_in_every_cell_is_stopped_by_the_whole_notebooks(examined):
    busy = "import time\nend = time.process_time() + 1.8\nwhile time.process_time() < end: pass"
    verdict, found = examined(inside(busy))
    assert verdict["points"] == 0
    assert any(status["outcome"] in ("stopped", "not run") for status in found.statuses)


def test_36_twice_the_same(examined):
    noisy = ANSWER + "\nimport random, torch\nprint(random.random(), torch.rand(2), {'a', 'b'})"
    (first, found), (second, again) = examined(noisy), examined(noisy)
    assert first == second and first["points"] == POINTS
    assert found.outputs[NAME] == again.outputs[NAME] != []


def test_a_submission_leaves_nothing_to_the_next(examined):
    leave = "open('/scratch/left', 'w').write('x')\nimport torch\ntorch.left = 1\n"
    examined(leave + ANSWER)


def test_the_next_finds_nothing_that_was_left(examined):
    look = "import os, torch\nassert not os.path.exists('/scratch/left')\n"
    look += "assert not hasattr(torch, 'left')\n"
    assert examined(look + ANSWER)[0]["points"] == POINTS


@pytest.mark.parametrize("network", ["efficientnet_lite0", "cifar_plain", "cifar_robust"])
def test_the_courses_networks_load_inside(examined, network):
    """Half precision is converted only where torch finds out what the processor can do."""
    use = f"from course_lib import load_model, load_photo\nmodel = load_model({network!r})\n"
    use += "print(model(model.preprocess(load_photo('dog'))).shape)\n"
    verdict, found = examined(use + ANSWER)
    assert verdict["points"] == POINTS and "torch.Size" in str(found.outputs[NAME])


def test_22_answers_that_are_installed_where_the_sandbox_sees_them_are_hidden(
    tmp_path, monkeypatch
):
    """As with Debian's own Python, or with a checkout below /usr."""
    for room in ("solutions", "autograder/inside", "course_lib"):
        (tmp_path / "dist-packages" / room).mkdir(parents=True)
    monkeypatch.setattr(file_view, "INSIDE", tmp_path / "dist-packages" / "autograder" / "inside")
    monkeypatch.setattr(file_view, "same_places", lambda: [str(tmp_path)])
    hidden = {Path(folder) for folder in file_view.hidden_folders()}
    assert hidden == {tmp_path / "dist-packages" / room for room in ("solutions", "autograder")}
    monkeypatch.setattr(file_view, "same_places", lambda: ["/elsewhere"])
    assert hidden.isdisjoint(map(Path, file_view.hidden_folders()))
