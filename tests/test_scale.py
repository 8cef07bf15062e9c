"""A class graded on a cluster: the same rows, whatever a submission does and whoever is lost."""

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from dataclasses import asdict
from functools import partial
from urllib.parse import urlsplit

import nbformat
import psutil
import pytest
from course_pages import gradebook_rows, hand_in, ledger, write_pages
from distributed import LocalCluster, Security

from autograder import cluster, find_exercise, worker
from autograder.cluster import Cluster
from autograder.course import Course, Submission
from autograder.errors import CourseError
from autograder.examination import checks_hash, task_for
from autograder.grading import grade
from autograder.release import release
from autograder.statuses import Limits

CHAPTER, NAME = "saliency", "compute_saliency_maps"
LIMITS = Limits(cell_seconds=2, submission_seconds=10)
STUDENTS = ("Ada", "Bruno", "Chioma", "Elif", "Grace", "Ines")
NO_CERTIFICATES = dict.fromkeys(("tls_ca_file", "tls_client_cert", "tls_client_key"))

pytestmark = pytest.mark.skipif(not shutil.which("openssl"), reason="openssl is not installed")


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    """A certificate for this machine that is its own authority, as a course may make it."""
    folder = tmp_path_factory.mktemp("certificates")
    certificate, key = str(folder / "cert.pem"), str(folder / "key.pem")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
        + ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"]
        + ["-keyout", key, "-out", certificate],
        check=True,
        capture_output=True,
    )
    return {"tls_ca_file": certificate, "tls_client_cert": certificate, "tls_client_key": key}


@pytest.fixture(scope="module")
def machines(certificates):
    """A scheduler and two worker processes that speak TLS."""
    both = {f"tls_{role}_{part}": certificates[f"tls_client_{part}"]
            for role in ("scheduler", "worker") for part in ("cert", "key")}  # fmt: skip
    security = Security(require_encryption=True, **certificates, **both)
    settings = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": "127.0.0.1:0"}
    with LocalCluster(security=security, protocol="tls://", host="127.0.0.1", **settings) as made:
        yield made


@pytest.fixture(scope="module")
def engine(machines, certificates):
    """What `autograder grade --scheduler` examines with."""
    return partial(Cluster, address=machines.scheduler_address, certificates=certificates)


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A course with a released chapter and a class, some of it hostile."""
    course = Course.open(tmp_path_factory.mktemp("course"))
    release(course, [CHAPTER], write_pages(tmp_path_factory.mktemp("pages"), CHAPTER))
    exercise, head = find_exercise(NAME), f"def {NAME}(X, y, model):\n    "
    wrong = next(m.source for m in exercise.mistakes if m.key == "cross_entropy")
    hand_in(course, "Ada", CHAPTER, {NAME: exercise.source})
    hand_in(course, "Bruno", CHAPTER, {NAME: wrong})
    hand_in(course, "Chioma", CHAPTER, {NAME: head + "while 1: pass"})
    hand_in(course, "Elif", CHAPTER, {})
    hand_in(course, "Grace", CHAPTER, {NAME: head + "import os; os._exit(1)"})
    course.notebook("submitted", CHAPTER, "Ines").parent.mkdir(parents=True)
    course.notebook("submitted", CHAPTER, "Ines").write_text('{"cells": [', encoding="utf-8")
    return course


def grade_all(course, engine=None):
    """Grade everything; returns the rows without the time, and whether the machine was busy."""
    settings = {"jobs": 2, "limits": LIMITS, "silent": True, "engine": engine}
    rows = grade(course, course.root / "submitted", [CHAPTER], **settings)
    once = {row["student"]: row["sentence"].partition(" Examined twice")[0] for row in rows}
    return [row | {"seconds": None, "sentence": once[row["student"]]} for row in rows]


@pytest.fixture(scope="module")
def here(course, tmp_path_factory):
    """A copy of the course, graded on this machine alone, and its rows."""
    copy = Course(shutil.copytree(course.root, tmp_path_factory.mktemp("here") / "course"))
    course.seed("Ada", CHAPTER, NAME)
    shutil.copy(course.root / ".secret", copy.root)
    return copy, grade_all(copy)


@pytest.fixture(scope="module")
def there(course, here, machines, engine):
    """The rows as the cluster gives them, and the worker processes before and after."""
    before = set(worker_processes(machines))
    rows = grade_all(course, engine)
    return rows, before, set(worker_processes(machines))


def worker_processes(machines):
    """The process ids of the workers."""
    return [nanny.pid for nanny in machines.workers.values()]


def test_a_cluster_leaves_the_same_ledger_rows_and_results(course, here, there):
    copy, rows = here
    assert there[0] == rows
    assert ledger(course) == ledger(copy)
    for student in STUDENTS:
        of_both = [gradebook_rows(c, CHAPTER, student) for c in (course, copy)]
        assert of_both[0] == of_both[1], student
    assert [row["status"] for row in rows] == (
        ["graded", "graded", "stopped", "graded", "crashed", "unreadable"]
    )


def test_a_hostile_submission_costs_no_worker(there):
    _, before, after = there
    assert before == after and len(before) == 2


def test_a_lost_workers_submission_is_done_again(course, here, there, machines, engine):
    expected = ledger(course)
    shutil.rmtree(course.root / "ledger")
    killer = threading.Thread(target=kill_a_worker, args=[course, machines])
    killer.start()
    rows = grade_all(course, engine)
    killer.join()
    assert rows == here[1]
    assert ledger(course) == expected


def kill_a_worker(course, machines):
    wait_until(lambda: ledger(course))
    psutil.Process(worker_processes(machines)[0]).kill()


def wait_until(true, seconds=120):
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def finished(course):
    """The ledger's files, without those that wait for a second examination."""
    files = (course.root / "ledger").rglob("*.json")
    return [file for file in files if not json.loads(file.read_text(encoding="utf-8"))["doubt"]]


@pytest.mark.slow
def test_a_killed_grader_goes_on_where_it_was(course, here, there, certificates, engine):
    expected = ledger(course)
    shutil.rmtree(course.root / "ledger")
    address = engine.keywords["address"]
    command = [sys.executable, "-m", "autograder", "grade", "--course", str(course.root), "--json"]
    command += ["--cell-seconds", "2", "--submission-seconds", "10", "--scheduler", address]
    command += ["--tls-ca-file", certificates["tls_ca_file"]]
    command += ["--tls-cert", certificates["tls_client_cert"]]
    command += ["--tls-key", certificates["tls_client_key"]]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    killed = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    wait_until(lambda: len(ledger(course)) >= 2 or killed.poll() is not None)
    killed.kill()
    killed.wait()
    assert 2 <= len(ledger(course)) < len(STUDENTS), "it was killed in the middle"
    kept = {file: file.stat().st_mtime_ns for file in finished(course)}
    assert grade_all(course, engine) == here[1]
    assert ledger(course) == expected
    assert kept == {file: file.stat().st_mtime_ns for file in kept}, "nothing is examined twice"


def test_what_travels_is_plain_and_holds_neither_secret_nor_name(course, here):
    notebook = nbformat.read(course.notebook("release", CHAPTER), 4)
    task = asdict(task_for(course, Submission("Ada", CHAPTER), notebook, LIMITS))
    sent = json.dumps(task)  # plain data, or this raises
    assert json.loads(sent) == task
    assert (course.root / ".secret").read_text(encoding="ascii") not in sent
    assert "Ada" not in sent and str(course.root) not in sent


def test_a_worker_with_another_edition_of_the_course_is_refused(course, engine, monkeypatch):
    monkeypatch.setattr(cluster, "checks_hash", lambda: "another")
    with pytest.raises(CourseError, match="worker tls://.* is not the grader's: install the same"):
        engine(course, LIMITS)


def test_a_worker_without_a_sandbox_refuses(course, monkeypatch):
    monkeypatch.setattr(worker, "isolation", lambda: (None, "the program bwrap is missing"))
    notebook = nbformat.read(course.notebook("release", CHAPTER), 4)
    task = asdict(task_for(course, Submission("Ada", CHAPTER), notebook, LIMITS))
    with pytest.raises(worker.UnfitWorker, match="no sandbox .the program bwrap is missing.: inst"):
        worker.examine_there(json.dumps(task), {}, checks_hash())


def refusal(course, address, certificates=NO_CERTIFICATES):
    with pytest.raises(CourseError) as refused:
        Cluster(course, LIMITS, address, certificates)
    return str(refused.value)


@pytest.mark.parametrize("address", ["tcp://192.0.2.1:8786", "tcp://example.org:8786"])
def test_an_address_that_others_can_listen_to_is_refused(course, address):
    assert "is not encrypted: beyond this machine use tls:// with --tls-ca-file" in refusal(
        course, address
    )


@pytest.mark.parametrize("address", ["8786", "udp://127.0.0.1:8786", "tls://"])
def test_what_is_no_address_is_refused(course, address):
    assert "is no address of a scheduler" in refusal(course, address)


def test_a_tls_address_needs_certificates(course, certificates, tmp_path):
    assert "needs --tls-ca-file" in refusal(course, "tls://192.0.2.1:8786")
    broken = dict.fromkeys(certificates, str(tmp_path / "none.pem"))
    assert "cannot be reached" in refusal(course, "tls://127.0.0.1:9", broken)


def test_where_no_scheduler_is_one_sentence_says_so(course, monkeypatch):
    monkeypatch.setattr(cluster, "CONNECT_SECONDS", 1)
    assert "The scheduler tcp://127.0.0.1:9 cannot be reached" in refusal(
        course, "tcp://127.0.0.1:9"
    )


def test_a_scheduler_that_wants_certificates_is_not_reached_without(course, machines, monkeypatch):
    monkeypatch.setattr(cluster, "CONNECT_SECONDS", 2)
    port = urlsplit(machines.scheduler_address).port
    assert "cannot be reached" in refusal(course, f"tcp://127.0.0.1:{port}")


def test_a_scheduler_without_workers_says_how_to_start_some(course, monkeypatch):
    monkeypatch.setattr(cluster, "WORKER_SECONDS", 1)
    settings = {"n_workers": 0, "dashboard_address": "127.0.0.1:0", "host": "127.0.0.1"}
    with LocalCluster(**settings) as empty:
        assert "has no worker: start some" in refusal(course, empty.scheduler_address)


def test_without_dask_it_says_what_to_install(course, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    assert refusal(course, "tcp://127.0.0.1:8786") == (
        "--scheduler needs Dask: run `pip install distributed`."
    )
