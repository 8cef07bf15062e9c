"""Imports the heavy libraries once, then forks a confined child for each submission.

Started by `autograder.sandbox` behind walls, with the path of a socket on which requests come:
one datagram of JSON and, beside it, the pipe that the child writes its frames to.
"""

import ctypes
import json
import os
import random
import select
import signal
import socket
import sys
import time
from pathlib import Path

from frames import write_frame

MOST_BYTES = 1 << 20
FOLDERS = ("notebook", "home", "tmp", "evidence")


def main():
    control = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    control.connect(sys.argv[1])
    shell, calls = _warm_up()
    control.send(b'{"ready": true}')
    while True:
        request, pipes, _, _ = socket.recv_fds(control, MOST_BYTES, 1)
        if not request:
            return
        _serve(json.loads(request), pipes[0], control, shell, calls)
        os.close(pipes[0])


def _warm_up():
    """Import and run once what every notebook needs; one thread only, or a child would hang."""
    sys.modules["rfc3987_syntax"] = None  # as in `autograder`
    import matplotlib

    matplotlib.use("module://matplotlib_inline.backend_inline")
    import matplotlib.pyplot
    import torch

    torch.set_num_threads(1)
    from confinement import allowed_calls

    import course_lib
    from course_lib import checks, evidence  # noqa: F401

    model = course_lib.load_model()
    X = torch.zeros(1, 3, *_size(model), requires_grad=True)
    torch.autograd.grad(model(X).sum(), X)
    shell = _used_shell()
    ctypes.CDLL(None).malloc_trim(0)
    sys.path[:] = [path for path in sys.path if path != str(Path(__file__).parent)]
    return shell, allowed_calls()


def _used_shell():
    """A shell that has run a cell and drawn a figure: what is imported late is imported by then."""
    from cells import CellRunner, make_shell

    shell, nowhere = make_shell(), os.open("/dev/null", os.O_WRONLY)
    limits = {"cell_seconds": 60, "submission_seconds": 60, "wall_factor": 9}
    runner = CellRunner(shell, nowhere, "/nowhere", limits | {"output_characters": 10**6})
    streams = sys.stdout, sys.stderr
    runner.run([("warm", "from matplotlib import pyplot\npyplot.plot([1])\npyplot.title('$x$')")])
    shell.reset(new_session=False)
    sys.stdout, sys.stderr = streams
    os.close(nowhere)
    return shell


def _size(model):
    size = model.image_size
    return (size, size) if isinstance(size, int) else tuple(size)


def _serve(request, pipe, control, shell, calls):
    """Let a keeper fork, watch and bury the child, and answer."""
    keeper = os.fork()
    if keeper == 0:
        try:
            _keep(request, pipe, control, shell, calls)
        finally:
            os._exit(1)
    _, status = os.waitpid(keeper, 0)
    if status:
        control.send(b'{"failed": "the process that watches a submission ended"}')


def _keep(request, pipe, control, shell, calls):
    from confinement import separate_processes

    separate_processes()
    child = os.fork()
    if child == 0:
        control.close()
        try:
            _live(request, pipe, shell, calls)
        except BaseException as error:
            write_frame(pipe, "failed", why=f"{type(error).__name__}: {error}"[:300])
        finally:
            os._exit(1)
    os.close(pipe)
    begun = time.monotonic()
    late = _wait(child, request["limits"]["wall_seconds"])
    _, status, used = os.wait4(child, 0)
    seconds = {"cpu_seconds": used.ru_utime + used.ru_stime, "seconds": time.monotonic() - begun}
    answer = {"late": late, "status": status} | seconds
    control.send(json.dumps(answer).encode())
    os._exit(0)


def _wait(child, seconds):
    """Wait for a child's end; kill it when the time is up. Returns whether that was so."""
    poll = select.poll()
    poll.register(os.pidfd_open(child), select.POLLIN)
    if poll.poll(seconds * 1000):
        return False
    os.kill(child, signal.SIGKILL)
    return True


def _live(request, pipe, shell, calls):
    """The child's whole life."""
    from cells import CellRunner
    from confinement import confine

    _closed_standard_streams()
    confine(request["limits"], calls)
    _furnish()
    _reseed(request["seed"])
    cells = json.loads(Path("/exchange/cells.json").read_text(encoding="utf-8"))
    CellRunner(shell, pipe, "/scratch/evidence", request["limits"]).run(cells)
    os._exit(0)


def _closed_standard_streams():
    nothing = os.open("/dev/null", os.O_RDWR)
    for stream in range(3):
        os.dup2(nothing, stream)
    sys.stdin = os.fdopen(0, encoding="utf-8")


def _furnish():
    """Private folders, and beside the notebook the files of the release."""
    for name in FOLDERS:
        Path("/scratch", name).mkdir()
    for path in Path("/exchange/files").iterdir():
        Path("/scratch/notebook", path.name).symlink_to(path)
    os.chdir("/scratch/notebook")
    os.environ |= {
        "HOME": "/scratch/home",
        "TMPDIR": "/scratch/tmp",
        "PWD": "/scratch/notebook",
        "MPLCONFIGDIR": "/scratch/home",
        "COURSE_EXAMPLES": "/exchange/examples",
        "COURSE_EVIDENCE": "/scratch/evidence",
    }


def _reseed(seed):
    import numpy
    import torch

    random.seed(seed)
    numpy.random.seed(seed % 2**32)
    torch.manual_seed(seed)


if __name__ == "__main__":
    main()
