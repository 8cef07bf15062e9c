"""The demonstration class is graded as it was made to be, from the real pages."""

import json

import pytest

from autograder import cli
from autograder.course import Submission
from autograder.demonstration import HandIn, differences


@pytest.mark.slow
def test_grading_finds_just_what_each_submission_was_made_to_show(tmp_path, capsys):
    status = cli.main(["demonstrate", "--course", str(tmp_path / "course"), "--json"])
    found = json.loads(capsys.readouterr().out)
    assert found["differences"] == []
    assert status == 0
    assert len({(row["student"], row["chapter"]) for row in found["results"]}) >= 12
    for place in ("release/saliency/saliency.ipynb", "report/saliency.html", "gradebook.db"):
        assert (tmp_path / "course" / place).is_file()
    assert len(list((tmp_path / "course").glob("feedback/*/*/*.html"))) >= 12


def test_a_difference_is_told():
    hand_in = HandIn(Submission("Ada", "saliency"), "the reference")
    row = {
        "student": "Ada",
        "chapter": "saliency",
        "status": "stopped",
        "mistakes": {"compute_saliency_maps": "batch_mean"},
        "points": {"compute_saliency_maps": 1.8},
    }
    told = differences([hand_in], [row])
    assert len(told) == 3
    assert "compute_saliency_maps earned 1.8 of 6" in told[-1]
