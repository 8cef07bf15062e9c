"""Grading a class: stock nbgrader, nbgrader with our steps, our command, and the bare work.

The same submissions with the same resulting points each way, a check that fails otherwise.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import nbformat
from nbgrader.api import Gradebook

from autograder import find_exercise, judge
from autograder.course import Course
from autograder.release import read_chapter
from benchmarks.made_class import CHAPTER, NAME, answers, hand_in, make_course

CLASS = ("right",) * 5 + ("wrong", "failing", "untouched")
STOCK_CHECK = """### BEGIN HIDDEN TESTS
from autograder import judge
verdict = judge("{name}", {name}, 7)
print(verdict)
### END HIDDEN TESTS
verdict.points"""


def main():
    """Print the seconds a submission takes each way, and how many times faster than stock."""
    with tempfile.TemporaryDirectory() as folder:
        ours, stock = Path(folder, "ours"), Path(folder, "stock")
        make_course(Course.open(ours), Path(folder), CLASS)
        _make_stock(stock, Path(folder))
        stock_points, stock_seconds = _timed(stock, ["nbgrader", "autograde", CHAPTER, "--force"])
        _tell("stock nbgrader", stock_seconds, stock_seconds)
        ways = {
            "nbgrader with our steps": ["nbgrader", "autograde", CHAPTER, "--force"],
            "our command, one job": _our_command(ours, jobs=1),
            "our command, two jobs": _our_command(ours, jobs=2),
        }
        for name, command in ways.items():
            shutil.rmtree(ours / "ledger", ignore_errors=True)
            points, taken = _timed(ours, command)
            assert points == stock_points, (name, points, stock_points)
            _tell(name, taken, stock_seconds)
        _tell("the bare work, Python's start left out", _bare(), stock_seconds)


def _our_command(root, jobs):
    return ["autograder", "grade", "--course", str(root), "--json", "--jobs", str(jobs)]


def _make_stock(root, folder):
    """A course without any setting of ours, whose tests judge in the student's kernel."""
    source = read_chapter(CHAPTER, folder).source
    # Stock nbgrader refuses marking schemes outside of its tasks.
    source.cells = [cell for cell in source.cells if "BEGIN MARK SCHEME" not in cell.source]
    for cell in source.cells:
        if cell.id == f"check_{NAME}":
            cell.source = STOCK_CHECK.format(name=NAME)
    path = root / "source" / CHAPTER / f"{CHAPTER}.ipynb"
    path.parent.mkdir(parents=True)
    nbformat.write(source, path)
    _run(root, ["nbgrader", "generate_assignment", CHAPTER])
    hand_in(root, CLASS)


def _run(root, command):
    rooms = os.pathsep.join(path for path in [str(Path.cwd()), *sys.path] if path)
    tools = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # nbgrader's alembic
    environment = os.environ | {"PYTHONPATH": rooms, "PATH": tools}
    command = [sys.executable, "-m", *command]
    subprocess.run(command, cwd=root, env=environment, check=True, capture_output=True)


def _timed(root, command):
    """Points by student, and seconds a submission."""
    start = time.perf_counter()
    _run(root, command)
    taken = (time.perf_counter() - start) / len(CLASS)
    with Gradebook(f"sqlite:///{root / 'gradebook.db'}") as gradebook:
        points = {
            s.student_id: next(
                g.auto_score or 0
                for n in s.notebooks
                for g in n.grades
                if g.name == f"check_{NAME}"
            )
            for s in gradebook.assignment_submissions(CHAPTER)
        }
    return json.loads(json.dumps(points)), taken


def _bare():
    """Seconds a submission for the judge's work in this process, without any isolation."""
    judge(NAME, find_exercise(NAME).function)
    start = time.perf_counter()
    for number, kind in enumerate(CLASS):
        namespace = {}
        exec(f"import torch\n{answers()[kind]}", namespace)
        judge(NAME, namespace[NAME], 100 + number)
    return (time.perf_counter() - start) / len(CLASS)


def _tell(name, seconds, stock):
    print(f"  {name:42} {seconds:8.2f} s a submission   {stock / seconds:5.1f} times stock's speed")
