"""Take every right away from this process that running a notebook's cells does not need.

The outer walls (an own file view, no network) are bubblewrap's or a container's. These are the
inner ones, for each child: own process, mount and ipc namespaces, a small private `/scratch`, an
unprivileged user, no capabilities, limits on memory, files and CPU time, and a list of allowed
system calls.
"""

import ctypes
import errno
import os
import resource
import signal
from pathlib import Path

import pyseccomp

NOBODY = 65534
UNUSED_USERS = range(61184, 65520)  # systemd's for services, which no account has
NEW_MOUNTS, NEW_IPC, NEW_PROCESSES = 0x00020000, 0x08000000, 0x20000000  # linux/sched.h
THREAD = 0x00010000  # CLONE_THREAD
DIES_WITH_PARENT = 1  # PR_SET_PDEATHSIG
CAPABILITY_VERSION_3 = 0x20080522
READ_ONLY, NO_SPECIAL_FILES = 0x1, 0x6  # MS_RDONLY; MS_NOSUID and MS_NODEV
# What a container has and bubblewrap's walls have not: other processes' files, shared places.
COVERED = ("/proc", "/sys", "/dev/mqueue", "/dev/shm")
ALLOWED = Path(__file__).with_name("allowed_calls.txt")


class _CapabilityHeader(ctypes.Structure):
    _fields_ = [("version", ctypes.c_uint32), ("pid", ctypes.c_int)]


def _call(name, *arguments):
    """Call a function of the C library; raises OSError where it fails."""
    library = ctypes.CDLL(None, use_errno=True)
    if getattr(library, name)(*arguments) < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


def separate_processes():
    """The next child begins a process namespace: it sees no other process, and ends them all."""
    _call("unshare", NEW_PROCESSES)


def allowed_calls():
    """The filter of system calls, to be loaded by each child; any other call is refused.

    A program cannot be started nor a process made, only threads; there are no sockets but pairs.
    """
    calls = pyseccomp.SyscallFilter(pyseccomp.ERRNO(errno.EPERM))
    for name in ALLOWED.read_text(encoding="ascii").split():
        calls.add_rule(pyseccomp.ALLOW, name)
    calls.add_rule(pyseccomp.ALLOW, "clone", pyseccomp.Arg(0, pyseccomp.MASKED_EQ, THREAD, THREAD))
    calls.add_rule(pyseccomp.ERRNO(errno.ENOSYS), "clone3")  # the C library then takes clone
    calls.add_rule(pyseccomp.ALLOW, "socketpair")
    naming = pyseccomp.Arg(0, pyseccomp.EQ, 15)  # PR_SET_NAME: of a thread
    calls.add_rule(pyseccomp.ALLOW, "prctl", naming)
    return calls


def confine(limits, calls):
    """Confine this process for good.

    Args:
        limits: dict with `memory`, `address_space`, `disk`, `file` in bytes, `files`, `threads`,
            `cpu_seconds`, and `sandbox`, a number that no other sandbox has at the time.
        calls: what `allowed_calls` gave.
    """
    os.setpgid(0, 0)  # a signal to the group reaches nobody else
    _call("unshare", NEW_MOUNTS | NEW_IPC)
    user = _user(limits["sandbox"])
    options = f"size={limits['disk']},nr_inodes=20000,mode=700,uid={user},gid={user}"
    _mount("/scratch", NO_SPECIAL_FILES, options)
    _cover()
    _become(user)
    _drop_capabilities()
    _call("prctl", DIES_WITH_PARENT, signal.SIGKILL)  # a change of user would take it back
    _limit(limits)
    calls.load()


def _mount(place, flags, options):
    _call("mount", b"tmpfs", place.encode(), b"tmpfs", flags, options.encode())


def _cover():
    """Mount nothing over what a container shows beyond the file view that is meant."""
    for place in COVERED:
        if os.path.ismount(place):
            _mount(place, READ_ONLY | NO_SPECIAL_FILES, "size=4k,mode=755")


def _user(sandbox):
    """The user to become: as root one for each sandbox, since a limit on threads is a user's."""
    return UNUSED_USERS[sandbox % len(UNUSED_USERS)] if os.geteuid() == 0 else NOBODY


def _become(user):
    if os.geteuid() == 0:
        os.setgroups([])
        os.setresgid(user, user, user)
        os.setresuid(user, user, user)


def _drop_capabilities():
    _call("prctl", 47, 4, 0, 0, 0)  # PR_CAP_AMBIENT, clear all
    nothing = (ctypes.c_uint32 * 6)()
    _call("capset", ctypes.byref(_CapabilityHeader(CAPABILITY_VERSION_3, 0)), nothing)


def _limit(limits):
    for what, value in (
        (resource.RLIMIT_DATA, limits["memory"]),
        (resource.RLIMIT_AS, limits["address_space"]),
        (resource.RLIMIT_FSIZE, limits["file"]),
        (resource.RLIMIT_NOFILE, limits["files"]),
        (resource.RLIMIT_NPROC, limits["threads"]),
        (resource.RLIMIT_CPU, limits["cpu_seconds"]),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(what, (value, value))


def main():
    """Try it on a child: the exit status tells whether this machine allows it."""
    separate_processes()
    child = os.fork()
    if child == 0:
        small = dict.fromkeys(("memory", "address_space", "disk", "file"), 2**30)
        others = {"files": 64, "threads": 8, "cpu_seconds": 5, "sandbox": 0}
        confine(small | others, allowed_calls())
        os._exit(0)
    os._exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))


if __name__ == "__main__":
    main()
