"""The engine for many machines: Dask's distributed workers, one task a submission.

A task is plain data and so is what comes back; files that all submissions of a chapter need
travel once to each worker. Workers share no folder with the grader and never see the gradebook.
"""

import ipaddress
import logging
from contextlib import contextmanager
from urllib.parse import urlsplit

from autograder.errors import CourseError
from autograder.examination import checks_hash
from autograder.worker import examine_there, unfit

CONNECT_SECONDS = 20
WORKER_SECONDS = 60  # for a worker to be started
ANSWER_SECONDS = 300  # for a worker to import torch on a busy machine
LARGEST_RELEASE = "1 GB"  # that is sent without a warning
LOST = (
    "The scheduler {} was lost. What was finished is kept: start the scheduler again, and "
    "repeat the command."
)


class Cluster:
    """Examines on the workers of a Dask scheduler; use it with `with`.

    Args:
        course: `autograder.course.Course`.
        limits: `autograder.statuses.Limits`.
        address: of the scheduler: ``tls://host:port``, or ``tcp://`` on this machine.
        certificates: dict with `tls_ca_file`, `tls_client_cert` and `tls_client_key`.

    Raises:
        CourseError: with what to do, where the cluster cannot be used.
    """

    def __init__(self, course, limits, address, certificates):
        _check_address(address, certificates)
        self._course, self._address, self._checks = course, address, checks_hash()
        self._client = _connect(address, certificates)
        try:
            self._check_workers(limits)
        except BaseException:
            self._client.close()
            raise
        self._examine = self._client.get_executor(pure=False).submit
        self._releases = {}

    def _check_workers(self, limits):
        """Ask every worker there is whether it may examine; one that joins later asks itself."""
        self._await_a_worker()
        asked = {
            worker: self._client.submit(
                unfit, self._checks, limits.trusted, workers=[worker], pure=False
            )
            for worker in sorted(self._client.nthreads())
        }
        for worker, answer in asked.items():
            _check_address(worker)
            if problem := _problem(answer):
                raise CourseError(f"The worker {worker} cannot examine: {problem}")

    def _await_a_worker(self):
        try:
            self._client.wait_for_workers(1, timeout=WORKER_SECONDS)
        except TimeoutError as error:
            raise CourseError(
                f"The scheduler {self._address} has no worker: start some with `dask worker "
                f"{self._address} --nthreads 1 --nworkers auto`. What was finished is kept."
            ) from error

    @property
    def at_once(self):
        """A task for each worker thread, and one more each, so that none has to wait.

        Raises CourseError when the scheduler or all workers are lost.
        """
        with self._connection():
            threads = sum(self._client.nthreads().values())
            if not threads:  # it may be about to be started again
                self._await_a_worker()
            return max(2, 2 * threads)

    def submit(self, task, chapter):
        """Have a task examined; Dask does it again where a worker is lost."""
        with self._connection():
            if chapter not in self._releases:  # a task like others, so that it can be done again
                files = self._files(chapter)
                self._releases[chapter] = self._client.submit(dict, files, pure=False)
            return self._examine(examine_there, task, self._releases[chapter], self._checks)

    def _files(self, chapter):
        folder = self._course.folder("release", chapter)
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        return {str(path.relative_to(folder)): path.read_bytes() for path in files}

    @contextmanager
    def _connection(self):
        """Say in a sentence that the scheduler was lost."""
        try:
            yield
        except CourseError:
            raise
        except Exception as error:
            raise CourseError(LOST.format(self._address)) from error

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self._client.close()


def _check_address(address, certificates=None):
    """Refuse an address that others on the way could listen to, or without its certificates."""
    parts = urlsplit(address)
    if parts.scheme not in ("tcp", "tls") or not parts.hostname:
        raise CourseError(f"{address!r} is no address of a scheduler: give tls://host:port.")
    if parts.scheme == "tcp" and not _is_loopback(parts.hostname):
        raise CourseError(
            f"{address} is not encrypted: beyond this machine use tls:// with --tls-ca-file, "
            "--tls-cert and --tls-key, for scheduler and workers too."
        )
    if parts.scheme == "tls" and certificates is not None and None in certificates.values():
        raise CourseError(f"{address} needs --tls-ca-file, --tls-cert and --tls-key.")


def _is_loopback(host):
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _connect(address, certificates):
    """Dask's client of the scheduler at an address."""
    try:
        import dask
        from distributed import Client, Security
    except ImportError as error:
        raise CourseError("--scheduler needs Dask: run `pip install distributed`.") from error
    for name in ("distributed", "distributed.client"):
        logging.getLogger(name).setLevel(logging.CRITICAL)  # what it says, we say in a sentence
    dask.config.set({"distributed.admin.large-graph-warning-threshold": LARGEST_RELEASE})
    try:
        security = Security(**certificates) if address.startswith("tls:") else None
        return Client(address, security=security, timeout=CONNECT_SECONDS, set_as_default=False)
    except (OSError, ValueError) as error:  # also what Python's ssl finds wrong
        raise CourseError(
            f"The scheduler {address} cannot be reached ({_first_line(error)}); start it with "
            "`dask scheduler`, or mend the address or the certificates."
        ) from error


def _first_line(error):
    return (str(error) or type(error).__name__).splitlines()[0]


def _problem(answer):
    """What a worker says, or that it cannot even be asked."""
    try:
        return answer.result(timeout=ANSWER_SECONDS)
    except TimeoutError:
        return f"it gave no answer within {ANSWER_SECONDS} s."
    except Exception as error:
        return f"the course is not installed there as it is here ({_first_line(error)})."
