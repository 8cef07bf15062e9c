"""The command `autograder` and what its parts print."""

import argparse
import json
import os
import sys
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

from autograder import score
from autograder.catalogue import chapters as known_chapters
from autograder.cluster import Cluster
from autograder.comparison import change_lines
from autograder.course import Course, Submission
from autograder.demonstration import (
    LIMITS,
    demonstrated_chapters,
    differences,
    hand_in_class,
    prepare,
)
from autograder.errors import CourseError
from autograder.exports import canvas_table, csv_table, moodle_table, remarks
from autograder.feedback import write_feedback
from autograder.grading import compare, grade
from autograder.isolation import isolation
from autograder.overrides import override, undo
from autograder.records import results
from autograder.release import release
from autograder.report import in_columns, text_table, write_report
from autograder.roster import people, read_roster, save_roster
from autograder.statuses import Limits

COURSE = Path("_build/course")
DEMONSTRATION = Path("_build/demonstration")


def main(arguments=None):
    """Run one command; returns the exit status: 0 when it did its work, 2 for bad arguments."""
    options = _parser().parse_args(arguments)
    try:
        return options.command(options)
    except CourseError as error:
        print(f"autograder: {error}", file=sys.stderr)
        return 2
    except OSError as error:  # above all a disk that is full
        print(f"autograder: {_what_failed(error)} What was finished is kept.", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("autograder: stopped; what was finished is kept.", file=sys.stderr)
        return 130


def _what_failed(error):
    """An error of the file system in a sentence."""
    return f"{error.filename or 'A file'} cannot be used ({error.strerror or error})."


def _parser():
    parser = argparse.ArgumentParser(
        prog="autograder", description="Release and grade the course's notebooks."
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    _add(commands, _release, "release", "make the notebooks that students get")
    _add_grading(commands)
    _add(commands, _feedback, "feedback", "write nbgrader's feedback pages")
    _add(commands, _report, "report", "write a page of results per chapter")
    _add_override(commands)
    _add_exporting(commands)
    scoring = commands.add_parser("score-judge", help="count the known mistakes that are caught")
    scoring.set_defaults(command=_score_judge)
    scoring.add_argument("--json", action="store_true", help="print one JSON object")
    scoring.add_argument(
        "--pairs", action="store_true", help="also every two mistakes at once (some minutes)"
    )
    demonstrating = _add(
        commands,
        _demonstrate,
        "demonstrate",
        "grade a made-up class",
        course=DEMONSTRATION,
        chapters=False,
    )
    demonstrating.add_argument("--jobs", type=_jobs, default=os.cpu_count())
    return parser


def _add_grading(commands):
    grading = _add(
        commands, _grade, "grade", "grade submissions into nbgrader's gradebook", chapters=False
    )
    grading.add_argument(
        "submitted",
        nargs="?",
        metavar="SUBMITTED",
        help=("folder with <student>/<chapter>/<chapter>.ipynb; default: the course's submitted/"),
    )
    grading.add_argument("chapters", nargs="*", metavar="CHAPTER", help="default: all")
    _add_limits(grading)
    grading.add_argument(
        "--compare",
        action="store_true",
        help="examine, and print what would change in the gradebook; nothing is written there",
    )


def _add_exporting(commands):
    """The export, and the roster that names and numbers in it come from."""
    exporting = _add(commands, _export, "export", "print the results as CSV")
    exporting.add_argument("--format", choices=("csv", "canvas", "moodle"), default="csv")
    exporting.add_argument(
        "--unfinished",
        action="store_true",
        help="for canvas and moodle: give the points so far where work awaits a human",
    )
    listing = _add(commands, _roster, "roster", "say who takes the course", chapters=False)
    listing.add_argument(
        "file",
        metavar="FILE.csv",
        help="with the columns id, first_name, last_name, email, lms_user_id; id alone is needed",
    )


def _add_override(commands):
    command = _add(
        commands,
        _override,
        "override",
        "give a student points in place of the judge's",
        chapters=False,
    )
    for name in ("student", "chapter", "exercise"):
        command.add_argument(name, metavar=name.upper())
    command.add_argument("points", metavar="POINTS", nargs="?", type=float)
    command.add_argument("--because", default="", metavar="REASON", help="for the log")
    command.add_argument(
        "--undo", action="store_true", help="take the last override back, instead of POINTS"
    )


def _add(commands, function, name, help_text, *, course=COURSE, chapters=True):
    command = commands.add_parser(
        name, help=help_text, description=help_text[0].upper() + help_text[1:] + "."
    )
    command.set_defaults(command=function)
    command.add_argument(
        "--course",
        type=Path,
        default=course,
        metavar="DIR",
        help="the course folder (default: %(default)s)",
    )
    command.add_argument("--json", action="store_true", help="print one JSON object")
    if chapters:
        command.add_argument("chapters", nargs="*", metavar="CHAPTER", help="default: all")
    return command


def _add_limits(command):
    command.add_argument(
        "--jobs",
        type=_jobs,
        default=os.cpu_count(),
        metavar="N",
        help="submissions examined at once (default: %(default)s)",
    )
    command.add_argument(
        "--cell-seconds",
        type=_seconds,
        default=Limits.cell_seconds,
        metavar="S",
        help="for one cell (default: %(default)s)",
    )
    command.add_argument(
        "--submission-seconds",
        type=_seconds,
        metavar="S",
        default=Limits.submission_seconds,
        help="for a whole notebook (default: %(default)s)",
    )
    command.add_argument(
        "--scheduler",
        metavar="ADDRESS",
        help="examine on the workers of this Dask scheduler: tls://host:port",
    )
    for name, what in (("ca-file", "authority"), ("cert", "certificate"), ("key", "private key")):
        command.add_argument(f"--tls-{name}", metavar="FILE", help=f"PEM file, the {what}")
    command.add_argument(
        "--again", action="store_true", help="examine also what is unchanged since the last time"
    )
    command.add_argument(
        "--trust-submissions",
        action="store_true",
        help="run them without a sandbox: they can read and change whatever you can",
    )


def _jobs(text):
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of jobs; give 1 or more")
    return int(text)


def _seconds(text):
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0
    if not 0 < seconds < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is no time; give seconds above 0")
    return seconds


def _print(options, found, text):
    print(json.dumps(found, indent=1) if options.json else text)


def _release(options):
    course = Course.open(options.course)
    paths = [
        str(path)
        for path in release(course, options.chapters or known_chapters(), silent=options.json)
    ]
    _print(options, {"released": paths}, "\n".join(f"Released {path}" for path in paths))
    return 0


def _grade(options):
    course = Course.existing(options.course)
    submitted, chapters = options.submitted, options.chapters
    if submitted in course.released() and not Path(submitted).is_dir():
        submitted, chapters = None, [submitted, *chapters]
    limits = Limits(
        options.cell_seconds, options.submission_seconds, trusted=options.trust_submissions
    )
    found = (compare if options.compare else grade)(
        course,
        submitted or course.root / "submitted",
        chapters or course.released(),
        jobs=options.jobs,
        silent=options.json,
        again=options.again,
        engine=_engine(options),
        limits=limits,
    )
    if options.compare:
        _print(options, {"changes": [asdict(change) for change in found]}, _compared(found))
    else:
        _print(options, {"results": found}, text_table(found))
    return 0


def _engine(options):
    """The engine beyond this machine, where one was asked for."""
    if not options.scheduler:
        return None
    certificates = {
        "tls_ca_file": options.tls_ca_file,
        "tls_client_cert": options.tls_cert,
        "tls_client_key": options.tls_key,
    }
    return partial(Cluster, address=options.scheduler, certificates=certificates)


def _say(options, sentence):
    """Tell people something beside the result."""
    if sentence and not options.json:
        print(sentence, file=sys.stderr)


def _compared(found):
    if not found:
        return "Nothing would change."
    submissions = len({(change.student, change.chapter) for change in found})
    return (
        f"{in_columns(list(change_lines(found)))}\n\nSubmissions that would change: {submissions}. "
        "Nothing was written to the gradebook; `autograder grade` commits it."
    )


def _feedback(options):
    course = Course.existing(options.course)
    paths = [
        str(path)
        for chapter in options.chapters or course.released()
        for path in write_feedback(course, chapter)
    ]
    _print(options, {"feedback": paths}, f"{len(paths)} files in {course.root / 'feedback'}")
    return 0


def _report(options):
    course = Course.existing(options.course)
    paths = [str(write_report(course, chapter)) for chapter in _released(course, options)]
    _print(options, {"reports": paths}, "\n".join(paths))
    return 0


def _export(options):
    course = Course.existing(options.course)
    rows = [row for chapter in _released(course, options) for row in results(course, chapter)]
    if options.format == "csv":
        _print(options, {"results": rows}, csv_table(rows))
        return 0
    table = {"canvas": canvas_table, "moodle": moodle_table}[options.format]
    students = people(course) or {}
    _print(options, {"results": rows}, table(rows, students, options.unfinished))
    for remark in remarks(rows, students, options.unfinished):
        _say(options, f"autograder: {remark}")
    return 0


def _roster(options):
    course = Course.existing(options.course)
    listed = read_roster(options.file)
    save_roster(course, listed)
    _print(options, {"roster": listed}, f"{len(listed)} students are on the roster.")
    return 0


def _override(options):
    course = Course.existing(options.course)
    where = Submission(options.student, options.chapter)
    if options.undo == (options.points is not None):
        raise CourseError("Give either POINTS or --undo.")
    if options.undo:
        entry = undo(course, where, options.exercise, options.because)
    else:
        entry = override(course, where, options.exercise, options.points, options.because)
    said = f"{entry['student']}, {entry['exercise']}: {entry['old']:g} -> {entry['new']:g} points."
    _print(options, {"override": entry}, said)
    return 0


def _released(course, options):
    """The chapters asked for, all of them released."""
    for chapter in options.chapters:
        if chapter not in course.released():
            known = ", ".join(course.released()) or "none"
            raise CourseError(f"{chapter!r} has not been released here (released: {known}).")
    return options.chapters or course.released()


def _score_judge(options):
    scores, table = score.main(options.pairs)
    _print(options, {"scores": scores}, table)
    return 0


def _demonstrate(options):
    course = Course(options.course)
    prepare(course)
    course = Course.open(options.course)
    chapters = demonstrated_chapters()
    release(course, chapters, silent=options.json)
    handed_in = hand_in_class(course)
    rows = grade(
        course,
        course.root / "submitted",
        chapters,
        jobs=options.jobs,
        limits=replace(LIMITS, trusted=isolation()[0] is None),  # we wrote what is handed in
        silent=options.json,
    )
    for chapter in chapters:
        write_feedback(course, chapter)
        write_report(course, chapter)
    wrong = differences(handed_in, rows)
    _print(options, {"results": rows, "differences": wrong}, _told(course, handed_in, rows, wrong))
    return 1 if wrong else 0


def _told(course, handed_in, rows, wrong):
    places = (
        ("release", "students' notebooks"),
        ("solved", "solved notebooks"),
        ("submitted", "what was handed in"),
        ("feedback", "feedback"),
        ("report", "reports"),
        ("gradebook.db", "gradebook"),
    )
    lines = [text_table(rows), ""]
    lines += [f"{what + ':':22}{course.root / place}" for place, what in places]
    lines += (
        ["", *wrong]
        if wrong
        else [
            "",
            f"Grading found just what each of the {len(handed_in)} submissions was made to show.",
        ]
    )
    return "\n".join(lines)
