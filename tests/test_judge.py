"""The judge: every known mistake is caught and named, right answers get full marks, noise none."""

import copy
import itertools
import os
import subprocess
import sys
from collections import OrderedDict

import pytest
import torch

from autograder import all_exercises, find_exercise, judge
from autograder.judge import (
    SELF_CHECK_SEED,
    answers,
    draw_examples,
    judge_evidence,
    save_self_check,
)
from autograder.score import score_exercise, score_table
from course_lib import evidence, self_check
from course_lib.evidence import Observation, Result, observations_to_plain, observe_all
from course_lib.examples import save_packed
from course_lib.traces import share_memory
from course_lib.verdict import PARTS, equal

EXERCISES = all_exercises()
MISTAKES = [(e, m) for e in EXERCISES for m in e.mistakes]
VARIANTS = [(e, v) for e in EXERCISES for v in e.variants]


def names(pairs):
    return [f"{exercise.name}-{implementation.key}" for exercise, implementation in pairs]


WRONG_ANSWERS_MAY_WARN = pytest.mark.filterwarnings("ignore")

# What a known mistake never ends in unless it was written down wrongly: an Edit that left a name
# undefined, or that calls itself. A loop without an end is a mistake of make_fooling_image alone.
OUR_OWN_SLIPS = {
    "": {"NameError", "UnboundLocalError", "RecursionError", "TooManyForwardPasses"},
    "make_fooling_image": {"NameError", "UnboundLocalError", "RecursionError"},
}


@WRONG_ANSWERS_MAY_WARN
@pytest.mark.parametrize("seed", [21, pytest.param(22, marks=pytest.mark.slow)])
@pytest.mark.parametrize("exercise, mistake", MISTAKES, ids=names(MISTAKES))
def test_every_known_mistake_is_caught_and_named(exercise, mistake, seed):
    """Each is run once here, and once more for itself where the self-check is tested."""
    known = answers(exercise, seed)
    observations = next(k.observations for k in known.mistakes() if k.key == mistake.key)
    verdict = known.verdict(observations)
    assert verdict.points < exercise.points
    assert verdict.mistake == mistake.key
    assert mistake.says in verdict.message
    assert observations[0].first.error not in OUR_OWN_SLIPS.get(exercise.name, OUR_OWN_SLIPS[""])


@pytest.mark.parametrize("exercise, variant", VARIANTS, ids=names(VARIANTS))
def test_every_right_answer_gets_full_marks(exercise, variant):
    for seed in (21, 22, 23):
        verdict = judge(exercise, variant.function, seed)
        assert verdict.points == exercise.points, verdict.message


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda e: e.name)
@pytest.mark.parametrize(
    "seeds", [range(100, 103), pytest.param(range(103, 120), marks=pytest.mark.slow)]
)
def test_the_reference_gets_full_marks_on_many_seeds(exercise, seeds):
    for seed in seeds:
        assert judge(exercise, exercise.function, seed).points == exercise.points


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda e: e.name)
def test_the_stub_gets_nothing_and_is_told_so(exercise):
    stub = exercise.compile("stub", "", exercise.stub).function
    verdict = judge(exercise, stub)
    assert verdict.points == 0 and "Not written yet" in verdict.message


def like(expected, kind, generator):
    if isinstance(expected, dict):
        return {name: like(tensor, kind, generator) for name, tensor in expected.items()}
    if kind == "zeros":
        return torch.zeros_like(expected)
    if kind == "ones":
        return torch.ones_like(expected)
    if kind == "nan":
        return torch.full_like(expected, torch.nan)
    return torch.rand(expected.shape, generator=generator, dtype=expected.dtype)


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda e: e.name)
@pytest.mark.parametrize("kind", ["zeros", "ones", "nan", "noise"])
def test_constants_and_noise_of_the_right_shape_earn_nothing(exercise, kind):
    generator = torch.Generator().manual_seed(3)

    def guess(**arguments):
        return like(exercise.function(**arguments), kind, generator)

    assert judge(exercise, guess).points == 0


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda e: e.name)
def test_an_answer_learnt_by_heart_earns_nothing_on_fresh_examples(exercise):
    """Hard-coded results of the self-check's examples fail where the examples are drawn anew."""
    kept = [
        exercise.function(**example.build())
        for example in draw_examples(exercise, 0)
        if example.rung != "leaves no trace"  # there the reference may refuse
    ]
    answers = itertools.cycle(kept)
    assert judge(exercise, lambda **arguments: copy.deepcopy(next(answers)), seed=77).points == 0


def test_a_loop_without_an_end_is_told_by_its_forward_passes():
    def never_ends(X, y, model):
        while True:
            try:
                model(X)
            except Exception:
                continue

    verdict = judge("compute_saliency_maps", never_ends)
    assert verdict.points == 0
    assert "the loop does not end" in verdict.message
    assert not {r.name: r.passed for r in verdict.rungs}["ends"]


@pytest.mark.parametrize(
    "spoil, key, words",
    [
        (lambda maps: 3 * maps, "factor", "3"),
        (lambda maps: maps / maps.flatten(1).norm(dim=1).view(-1, 1, 1), "scaled_per_image", ""),
        (lambda maps: 2 * maps + 1, "rescaled", "rescaled"),
        (lambda maps: -maps, "sign", "sign"),
        (lambda maps: maps**0.25, None, "of 210 numbers differ"),
        (lambda maps: maps / maps.norm(), "factor", "from one example to the next"),
        (lambda maps: maps * (torch.arange(len(maps)) < 4).view(-1, 1, 1), "unfinished", "image 4"),
        (lambda maps: maps * (torch.arange(7) < 6), "unfinished", "all of column 6"),
        (lambda maps: maps.flip(2), "reordered", "stand in other places"),
        (lambda maps: maps.half(), "coarse", "your numbers are float16"),
        (lambda maps: maps.amax((1, 2), True).expand_as(maps), None, "of 210 numbers differ"),
        (lambda maps: torch.full_like(maps, 0.5), None, "all of yours are 0.5"),
    ],
)
def test_unlisted_mistakes_are_described(spoil, key, words):
    exercise = find_exercise("compute_saliency_maps")
    verdict = judge(exercise, lambda **arguments: spoil(exercise(**arguments)))
    assert verdict.points < exercise.points
    assert verdict.mistake == key and words in verdict.message


def test_two_mistakes_at_once_are_both_named():
    exercise = find_exercise("compute_saliency_maps")

    def answer(X, y, model):
        X = X.detach().clone().requires_grad_()
        loss = torch.nn.functional.cross_entropy(model(X), y)
        return torch.autograd.grad(loss, X)[0].amax(dim=1)

    verdict = judge(exercise, answer)
    assert verdict.mistake == "cross_entropy_mean+no_absolute_value"
    assert "cross-entropy" in verdict.message and "no absolute value" in verdict.message


def test_an_error_is_shown_with_its_message():
    def broken(X, y, model):
        raise KeyError("<b>conv</b>")

    verdict = judge("compute_saliency_maps", broken)
    assert "KeyError" in verdict.message
    assert "<b>conv" not in verdict._repr_html_() and "&lt;b&gt;conv" in verdict._repr_html_()


class Unprintable(Exception):
    def __str__(self):
        raise RuntimeError


def test_an_error_without_words_is_shown():
    def broken(X, y, model):
        raise Unprintable

    assert "stopped with Unprintable" in judge("compute_saliency_maps", broken).message


@pytest.mark.parametrize(
    "spoil, kind",
    [
        (lambda maps: maps.to_sparse(), "a sparse tensor"),
        (lambda maps: maps.to("meta"), "a meta tensor"),
        (lambda maps: maps.to(torch.complex128), "a complex tensor"),
    ],
)
def test_a_tensor_without_plain_numbers_is_named(spoil, kind):
    exercise = find_exercise("compute_saliency_maps")
    verdict = judge(exercise, lambda **arguments: spoil(exercise(**arguments)))
    assert verdict.points == 0 and f"{kind}; expected a dense one" in verdict.message


class AlwaysEqual(torch.Tensor):
    """A tensor that claims to be close to all others."""

    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        if function is torch.allclose:
            return True
        return super().__torch_function__(function, types, args, kwargs or {})


def test_a_kind_of_tensor_of_its_own_is_compared_like_any_other():
    def cheats(X, y, model):
        return torch.zeros_like(X[:, 0]).as_subclass(AlwaysEqual)

    assert judge("compute_saliency_maps", cheats).points == 0


def test_a_wrong_return_type_is_named():
    verdict = judge("compute_saliency_maps", lambda X, y, model: [1, 2])
    assert "a list; expected a torch tensor" in verdict.message


def test_a_result_in_single_precision_is_accepted():
    exercise = find_exercise("compute_saliency_maps")
    verdict = judge(exercise, lambda **arguments: exercise(**arguments).float())
    assert verdict.points == exercise.points


def test_the_parts_of_the_rungs_add_up():
    assert sum(PARTS.values()) == pytest.approx(1)


def test_a_wrong_exercise_lists_the_right_ones():
    with pytest.raises(ValueError, match="compute_saliency_maps"):
        judge("compute_saliency_map", lambda: None)


def test_the_same_seed_gives_the_same_examples_and_another_seed_others():
    first, again, other = (
        draw_examples("compute_saliency_maps", seed)[0].arguments["X"] for seed in (5, 5, 6)
    )
    assert torch.equal(first, again) and not torch.equal(first, other)


def test_the_examples_follow_the_rules():
    for seed in range(20):
        for example in draw_examples("compute_saliency_maps", seed):
            X, y, network = (example.build()["X"], *map(example.arguments.get, ("y", "model")))
            count, channels, height, width = X.shape
            assert X.dtype == torch.float64 and height != width
            assert count == 1 or count not in (1, 3, network.classes, network.width, channels)
            assert len(set(y.tolist())) == count
            predicted = network.changed(training=False).build()(X).argmax(1)
            assert not (y == predicted).any()


def hand_in_elsewhere(monkeypatch, tmp_path, exercise, function, seed):
    """What happens in grading, without the other process."""
    from course_lib.examples import save_examples

    name = f"{exercise.name}.safetensors"
    (tmp_path / "in").mkdir(exist_ok=True)
    (tmp_path / "out").mkdir(exist_ok=True)
    save_examples(tmp_path / "in" / name, draw_examples(exercise, seed))
    monkeypatch.setenv(evidence.EXAMPLES_FOLDER, str(tmp_path / "in"))
    monkeypatch.setenv(evidence.EVIDENCE_FOLDER, str(tmp_path / "out"))
    evidence.hand_in(function, exercise.name)
    return tmp_path / "out" / name


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda e: e.name)
def test_evidence_from_elsewhere_gets_the_same_verdict(monkeypatch, tmp_path, exercise):
    for function in (exercise.function, exercise.mistakes[0].function):
        path = hand_in_elsewhere(monkeypatch, tmp_path, exercise, function, seed=9)
        assert judge_evidence(exercise, 9, path) == judge(exercise, function, 9)


def test_evidence_for_other_examples_earns_nothing(monkeypatch, tmp_path):
    exercise = find_exercise("compute_saliency_maps")
    path = hand_in_elsewhere(monkeypatch, tmp_path, exercise, exercise.function, seed=9)
    assert judge_evidence(exercise, 10, path).points == 0


def truncated(path):
    path.write_bytes(path.read_bytes()[:-100])


def pickled(path):
    torch.save({"a": torch.ones(3)}, path)


def emptied(path):
    path.write_bytes(b"")


def other_form(path):
    from course_lib.examples import save_packed

    save_packed(path, [{"first": 1, "second": 2}])


def linked(path):
    target = path.with_suffix(".real")
    path.rename(target)
    path.symlink_to(target)


def too_few(path):
    from course_lib.examples import load_packed, save_packed

    save_packed(path, load_packed(path)[:1])


def swapped(found):
    """The same dict with its first two entries in the other order."""
    first, second, *others = found
    return {name: found[name] for name in (second, first, *others)}


def without_bn1(found):
    return {name: tensor for name, tensor in found.items() if name != "bn1"}


def first_changed(change):
    """What spoils a dict: its first tensor is replaced by ``change(tensor)``."""

    def spoil(found):
        first = next(iter(found))
        return found | {first: change(found[first])}

    return spoil


@pytest.mark.parametrize(
    "spoil, key, words",
    [
        (swapped, "order", "Every tensor is right, but the dict's order is"),
        (without_bn1, None, 'the dict has no "bn1"; it holds'),
        (lambda found: found | {"more": torch.ones(3)}, None, 'the dict also holds "more"'),
        (lambda found: {}, None, "it holds nothing"),
        (lambda found: list(found.values()), "as_list", "a list; expected a dict from name"),
        (lambda found: set(found), None, "a set; expected a dict from name"),
        (lambda found: {5: torch.ones(3)}, None, "a key of type int"),
        (lambda found: {"k" * 101: torch.ones(3)}, None, "a key of 101 characters"),
        (lambda found: {str(i): torch.ones(1) for i in range(101)}, None, "a dict of 101 items"),
        (first_changed(lambda t: t[:, :1]), None, "it returned the shape (2, 1"),
        (first_changed(lambda t: t.to_sparse()), None, "is of type sparse tensor; expected a dict"),
        (first_changed(lambda t: None), None, "is of type NoneType"),
        (first_changed(lambda t: t**2 + 1), None, "numbers differ"),
        (lambda found: {k: 3 * t for k, t in found.items()}, "factor", "a constant factor, 3"),
        (lambda found: {k: -t for k, t in found.items()}, "sign", "right but the sign"),
    ],
)
def test_wrong_dicts_are_described(spoil, key, words):
    exercise = find_exercise("layer_activations")
    verdict = judge(exercise, lambda **arguments: spoil(exercise(**arguments)))
    assert verdict.points < exercise.points
    assert verdict.mistake == key and words in verdict.message


def test_a_dict_where_a_tensor_is_expected_is_named():
    exercise = find_exercise("compute_saliency_maps")
    verdict = judge(exercise, lambda **arguments: {"": exercise(**arguments)})
    assert verdict.points == 0 and "a dict; expected a torch tensor" in verdict.message


def test_right_dicts_of_other_kinds_get_full_marks():
    exercise = find_exercise("layer_activations")
    for kind in (OrderedDict, lambda found: {k: t.float() for k, t in found.items()}):
        verdict = judge(exercise, lambda kind=kind, **arguments: kind(exercise(**arguments)))
        assert verdict.points == exercise.points, verdict.message


def plain_result(**settings):
    return Result(kind="dict", tensors=settings)


def test_a_dict_of_tensors_survives_the_file_in_its_order(tmp_path):
    from course_lib.examples import save_packed

    result = plain_result(b=torch.ones(2), a=torch.zeros(3, 1))
    save_packed(tmp_path / "e", evidence.observations_to_plain([Observation(result, result)]))
    (read,) = evidence.load_evidence(tmp_path / "e")
    assert list(read.first.tensors) == ["b", "a"]
    assert equal(read.first, result)


NUMBERS = torch.ones(2)


@pytest.mark.parametrize(
    "forged",
    [
        {"tensors": {"a": NUMBERS}},
        {"tensors": [["a", NUMBERS], ["a", NUMBERS]]},
        {"tensors": [["a", "text"]]},
        {"tensors": [["a", NUMBERS.to(torch.complex64)]]},
        {"tensors": [[5, NUMBERS]]},
        {"tensors": [["k" * 101, NUMBERS]]},
        {"tensors": [["a"]]},
        {"tensors": [{"a": 1, "b": 2}]},
        {"tensors": [[str(i), NUMBERS] for i in range(101)]},
        {"tensors": "ab"},
        {"tensors": 3},
        {"tensors": [["a", NUMBERS]], "tensor": NUMBERS},
        {"parts": [["a", NUMBERS]]},
        {"tensors": [["a", NUMBERS.view(2, *[1] * 30)]]},
    ],
)
def test_forged_dicts_are_refused_on_reading(tmp_path, forged):
    from course_lib.examples import save_packed

    plain = {"kind": "dict", "error": "", "text": "", "tensor": None} | forged
    item = {"first": plain, "second": plain, "traces": []}
    save_packed(tmp_path / "e", [item])
    with pytest.raises(ValueError, match=r"dict|pair|tensor|form of evidence"):
        evidence.load_evidence(tmp_path / "e")


def test_an_errors_text_holds_nothing_that_steers_a_terminal_or_cannot_be_stored(tmp_path):
    from course_lib.examples import save_packed

    result = Result(error="E\0", text="a\nb\t\x1b[31m\0\u202e")
    save_packed(tmp_path / "e", evidence.observations_to_plain([Observation(result, result)]))
    (read,) = evidence.load_evidence(tmp_path / "e")
    assert (read.first.error, read.first.text) == ("E\ufffd", "a\nb\t\ufffd[31m\ufffd\ufffd")


def test_25_evidence_with_very_much_json_is_not_read(tmp_path):
    from course_lib.examples import save_packed

    save_packed(tmp_path / "e", [[]] * 200_000)
    with pytest.raises(ValueError, match="characters, more than"):
        evidence.load_evidence(tmp_path / "e")


def test_a_nameless_entry_is_no_tensor():
    assert not equal(Result(kind="Tensor", tensor=NUMBERS), plain_result(**{"": NUMBERS}))
    assert not equal(plain_result(**{"": NUMBERS}), Result(kind="Tensor", tensor=NUMBERS))


def test_shared_memory_is_seen_and_neighbours_in_memory_are_not():
    base = torch.arange(12.0)
    assert share_memory([base, base.view(3, 4)], [])
    assert share_memory([base[2:5]], [base])
    assert share_memory([base[4:9], base[2:5], base[9:]], [])
    assert not share_memory([base[:4], base[4:]], [])
    assert not share_memory([base.clone()], [base, base[1:]])
    assert not share_memory([torch.ones(0), torch.ones(0)], [])


@pytest.mark.parametrize("spoil", [truncated, pickled, emptied, other_form, linked, too_few])
def test_spoilt_evidence_earns_nothing_and_says_why(monkeypatch, tmp_path, spoil):
    exercise = find_exercise("compute_saliency_maps")
    path = hand_in_elsewhere(monkeypatch, tmp_path, exercise, exercise.function, seed=9)
    spoil(path)
    verdict = judge_evidence(exercise, 9, path)
    assert verdict.points == 0 and verdict.message


def test_missing_evidence_gives_the_reason(tmp_path):
    verdict = judge_evidence("compute_saliency_maps", 1, tmp_path / "no", reason="The kernel died.")
    assert (verdict.points, verdict.message) == (0, "The kernel died.")


@WRONG_ANSWERS_MAY_WARN
@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda e: e.name)
def test_the_self_check_gives_the_judges_verdict(monkeypatch, students_notebooks, exercise):
    monkeypatch.chdir(students_notebooks / exercise.chapter)
    judged = answers(exercise, SELF_CHECK_SEED)
    known = {mistake.key: mistake.observations for mistake in judged.mistakes()}
    for mistake in exercise.mistakes:
        verdict = self_check.check(mistake.function, exercise.name)
        assert verdict.points < exercise.points and verdict.mistake
        assert verdict == judged.verdict(known[mistake.key])
    for variant in exercise.variants:
        verdict = self_check.check(variant.function, exercise.name)
        assert verdict == judge(exercise, variant.function)


def test_the_self_check_is_the_same_each_time_and_holds_no_answer(tmp_path):
    exercise = find_exercise("compute_saliency_maps")
    for name in ("a", "b"):
        save_self_check(exercise, tmp_path / name)
    data = (tmp_path / "a").read_bytes()
    assert data == (tmp_path / "b").read_bytes()
    for line in exercise.solution.splitlines():
        assert not line.strip() or line.strip().encode() not in data


def test_the_self_check_says_where_its_data_should_be(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileNotFoundError, match="beside the notebook"):
        self_check.check(lambda X: X, "compute_saliency_maps")


def test_nothing_is_handed_in_where_no_grader_is_at_work(monkeypatch, capsys):
    monkeypatch.delenv(evidence.EXAMPLES_FOLDER, raising=False)
    evidence.hand_in(lambda X: X)
    assert "Nothing is graded here" in capsys.readouterr().out


def test_the_score_counts_what_is_missed_and_what_has_no_name():
    exercise = find_exercise("rank_correlation")
    score = score_exercise(exercise)
    assert (score.wrong, score.missed, score.unnamed) == (len(exercise.mistakes), [], [])
    assert (score.right, score.false_alarms) == (1 + len(exercise.variants), [])
    assert score_table([score, score]).splitlines()[-1].split()[:2] == ["all", str(2 * score.wrong)]


CHECK_ALL = """
import os, sys, warnings
from autograder import all_exercises
from course_lib.self_check import check
warnings.simplefilter("ignore")
for exercise in all_exercises():
    os.chdir(os.path.join(sys.argv[1], exercise.chapter))
    verdict = check(exercise.function, exercise.name)
    assert verdict.points == verdict.max_points, str(verdict)
"""


def test_right_answers_are_right_on_other_processors(students_notebooks):
    """Torch draws float32 normal numbers otherwise where it has no AVX2, on an ARM for example."""
    environment = os.environ | {"ATEN_CPU_CAPABILITY": "default"}
    command = [sys.executable, "-c", CHECK_ALL, students_notebooks]
    run = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr


def test_names_in_a_dict_can_be_stored_and_shown(tmp_path):
    """PostgreSQL refuses the character 0, a file half a character."""
    exercise = find_exercise("layer_activations")
    examples = draw_examples(exercise, 1)

    def renamed(X, layers, model):
        return {f"\0\x1b[31m\ue000{k}": t for k, t in exercise.function(X, layers, model).items()}

    path = tmp_path / "evidence"
    plain = observations_to_plain(observe_all(renamed, examples))
    save_packed(path, plain)
    path.write_bytes(path.read_bytes().replace(b"\\\\ue000", b"\\\\ud800"))
    message = judge_evidence(exercise, 1, path).message
    assert 'it holds "\ufffd\ufffd[31m\ufffdscores"' in message
