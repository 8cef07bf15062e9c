"""Fingerprints: equal for equal wrong answers of different students, and for no others."""

import json
import shutil
from functools import partial

import nbformat
import pytest
import torch
from course_pages import hand_in, write_pages

from autograder import find_exercise
from autograder.clusters import clusters, unexplained
from autograder.course import Course, Submission
from autograder.examination import examine
from autograder.fingerprint import common_question, digest, fingerprint
from autograder.grading import _locked_sources
from autograder.intake import take_in
from autograder.judge import judge_evidence
from autograder.release import release
from autograder.statuses import Limits
from course_lib.evidence import Result, load_evidence, observe_once

CHAPTER, NAME = "saliency", "compute_saliency_maps"
RIGHT = Result(tensor=torch.linspace(-1, 1, 60).reshape(3, 4, 5), kind="Tensor")
ROOTS = f"""
def {NAME}(X, y, model):
    X = X.detach().clone().requires_grad_()
    scores = model(X)[range(len(y)), y]
    g, = torch.autograd.grad(scores.sum(), X)
    return {{}}
"""
ONE, SAME = "g.abs().amax(1).sqrt() + 0.5", "(0.5 + torch.sqrt(g.abs().max(dim=1).values))"
OTHER = "g.abs().amax(1).sqrt() + 0.6"
FORGED = f"""
import os
open(os.environ['COURSE_EVIDENCE'] + '/{NAME}.common.safetensors', 'wb').write(b'no evidence')
import course_lib.evidence as e
kept, e.observe_once = e.observe_once, lambda *a: 1 / 0
"""
GONE_LATER = f"""
import os
from course_lib.examples import load_examples
left = 2 * len(load_examples(os.environ['COURSE_EXAMPLES'] + '/{NAME}.safetensors'))
def one_more():
    global left
    left -= 1
    if left < 0:
        os._exit(0)
"""


def of(tensor, **changes):
    return digest(Result(**({"tensor": tensor, "kind": "Tensor"} | changes)), RIGHT)


def test_rounding_makes_no_difference_and_anything_else_does():
    X = RIGHT.tensor
    wrong = [2 * X, X + 0.01, -X, X.flip(0), X.double() * 2, X[0], 0 * X, X / 0, X.new_zeros(0)]
    assert of((X * 3) / 7) == of(X / 7 * 3) != of(X)
    assert of(X + 1e-8) == of(X)
    assert len({of(tensor) for tensor in [X, *wrong]}) == 1 + len(wrong)


def test_errors_kinds_and_dicts_differ_too():
    X = RIGHT.tensor
    found = {
        of(None, kind="", error="ValueError", text="so"),
        of(None, kind="", error="ValueError", text="otherwise"),
        of(None, kind="list"),
        of(None, kind="dict", tensors={"a": X}),
        of(None, kind="dict", tensors={"b": X}),
    }
    assert len(found) == 5


@pytest.mark.parametrize("name", [NAME, "feature_inversion_step", "layer_activations", "deepdream"])
@pytest.mark.filterwarnings("ignore")
def test_known_mistakes_are_told_apart_just_where_their_results_differ(name):
    exercise = find_exercise(name)
    ask = partial(observe_once, example=common_question(exercise))
    right = ask(exercise.function)
    results = {mistake.key: ask(mistake.function) for mistake in exercise.mistakes}
    seen = {}
    for key, result in results.items():
        twin = seen.setdefault(digest(result, right), key)
        assert alike(results[twin], result, right), f"{twin} is not {key}"
    assert all(digest(ask(v.function), right) == digest(right, right) for v in exercise.variants)


def alike(one, other, right):
    """Whether two results are equal but for a hundredth of what makes them wrong."""
    if (one.kind, one.error, one.text) != (other.kind, other.error, other.text):
        return False
    for name, tensor in (one.parts or {}).items():
        wrong = tensor.double()
        expected = (right.parts or {}).get(name)
        if expected is not None and expected.shape == wrong.shape:
            wrong = wrong - expected
        most = 1e-2 * float(wrong.nan_to_num(0, 0, 0).norm()) + 1e-5
        other_one = other.parts[name].double()
        if not torch.allclose(tensor.double(), other_one, rtol=0, atol=most, equal_nan=True):
            return False
    return True


@pytest.fixture(scope="module")
def examined(tmp_path_factory):
    """Examines a student's answer; returns what came of the exercise."""
    course = Course.open(tmp_path_factory.mktemp("course"))
    release(course, [CHAPTER], write_pages(tmp_path_factory.mktemp("pages"), CHAPTER))
    locked = _locked_sources(course, [CHAPTER])[CHAPTER]
    skeleton = nbformat.read(course.notebook("release", CHAPTER), 4)

    def examine_answer(student, source):
        shutil.rmtree(course.root / "submitted" / student, ignore_errors=True)
        hand_in(course, student, CHAPTER, {NAME: source})
        notebook = take_in(course.notebook("submitted", CHAPTER, student), skeleton).notebook
        for cell in notebook.cells:
            cell.source = locked.get(cell.id, cell.source)
        limits = Limits(cell_seconds=10, submission_seconds=20)
        return examine(course, Submission(student, CHAPTER), notebook, limits).exercises[NAME]

    return examine_answer


def test_students_who_erred_in_the_same_way_stand_together(examined):
    answers = {"Ada": ONE, "Bruno": SAME, "Chioma": OTHER, "Dmitri": ONE}
    found = {who: examined(who, ROOTS.format(what)) for who, what in answers.items()}
    assert {verdict["mistake"] for verdict in found.values()} == {None}
    records = {who: {"exercises": {NAME: verdict}} for who, verdict in found.items()}
    first, second = clusters(unexplained(records, lambda who, _: ROOTS.format(answers[who])))
    assert first.equal and second.equal
    assert [failure.student for failure in second.failures] == ["Chioma"]
    assert first.codes == [["Ada", "Dmitri"], ["Bruno"]]


def test_a_right_answer_has_none(examined):
    assert examined("Elif", find_exercise(NAME).source)["fingerprint"] == ""


def test_a_forged_one_neither_earns_nor_costs_points(examined):
    right = examined("Mallory", FORGED + find_exercise(NAME).source)
    wrong = examined("Mallory", FORGED + ROOTS.format(ONE))
    assert (right["points"], right["fingerprint"]) == (right["max_points"], "")
    assert wrong["points"] < wrong["max_points"]


def test_a_common_question_that_ends_the_process_costs_nothing(examined):
    ends = GONE_LATER + find_exercise(NAME).source.replace("### BEGIN", "one_more()\n    ### BEGIN")
    found = examined("Mallory", ends)
    assert (found["points"], found["fingerprint"]) == (found["max_points"], "")


def safetensors_file(path, arrays, content):
    """A file whose header is written by hand."""
    head = json.dumps(arrays | {"__metadata__": {"content": content}}).encode()
    path.write_bytes(len(head).to_bytes(8, "little") + head)
    return path


NOTHING = {"kind": "", "error": "", "text": "", "tensors": None, "tensor": None}
EMPTY = {"dtype": "F32", "shape": [0, 2**62, 4], "data_offsets": [0, 0]}


def test_an_empty_tensor_whose_axes_overflow_is_no_evidence(tmp_path):
    first = {key: {"value": value} for key, value in NOTHING.items()} | {"tensor": {"tensor": 0}}
    second = {key: {"value": value} for key, value in NOTHING.items()}
    item = {"first": {"dict": first}, "second": {"dict": second}, "traces": {"list": []}}
    content = json.dumps({"list": [{"dict": item}]})
    path = safetensors_file(tmp_path / "e", {"000000": EMPTY}, content)
    assert fingerprint(find_exercise(NAME), path) == ""
    verdict = judge_evidence(NAME, 1, path)
    assert verdict.points == 0 and "no real tensor" in verdict.message


def test_a_file_of_very_many_arrays_or_a_giant_header_is_not_read(tmp_path):
    small = {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]}
    many = {f"{n:06d}": small for n in range(20_000)}
    with pytest.raises(ValueError, match="it holds 20000 arrays, more than"):
        load_evidence(safetensors_file(tmp_path / "many", many, '{"list": []}'))
    with pytest.raises(ValueError, match=r"its header has \d+ bytes, more than"):
        load_evidence(safetensors_file(tmp_path / "long", {}, " " * 9_000_000))


def test_a_result_without_evidence_has_none(tmp_path):
    assert fingerprint(find_exercise(NAME), tmp_path / "nothing") == ""
