"""A worker's reply is the whole examination of its very task, or it is refused."""

import json
from dataclasses import asdict

import pytest
from nbformat.v4 import new_code_cell, new_notebook

from autograder import find_exercise, replies
from autograder.examination import Task, examine_task
from autograder.replies import UnusableReply, read_reply
from autograder.statuses import Limits

CHAPTER, NAME = "saliency", "compute_saliency_maps"
CHECK, POINTS = f"check_{NAME}", find_exercise(NAME).points


def task(seed=1):
    """A task that costs nothing, for nothing is run."""
    label = {"nbgrader": {"grade_id": NAME}}
    cells = [new_code_cell("# mine", id=NAME, metadata=label), new_code_cell("1", id=CHECK)]
    notebook = json.dumps(new_notebook(cells=cells))
    seeds = {NAME: seed, "cells": 2}
    return Task(CHAPTER, notebook, seeds, asdict(Limits()), unreadable="Nothing was run.")


def answer(seed=1):
    """A worker's examination as plain data."""
    return json.loads(json.dumps(asdict(examine_task(task(seed), release=None))))


def read(found):
    return read_reply(json.dumps(found), json.dumps(asdict(task())))


def both(points):
    """Points that the verdict and what is shown agree on."""

    def spoil(found):
        found["exercises"][NAME]["points"] = points
        found["outputs"][CHECK][1]["data"]["text/plain"] = repr(float(points))

    return spoil


def set_to(value, *path):
    """A change of one place of an examination."""

    def spoil(found):
        for key in path[:-1]:
            found = found[key]
        found[path[-1]] = value

    return spoil


SCRIPT = {"output_type": "display_data", "metadata": {}, "data": {"text/html": "<script>"}}
SPOILT = {
    "another submission's": lambda found: found.update(answer(seed=5)),
    "no verdict": lambda found: found["exercises"].clear(),
    "no output, which is full points": lambda found: found["outputs"].clear(),
    "an empty output": set_to([], "outputs", CHECK),
    "an error before the points": lambda found: found["outputs"][CHECK].insert(0, SCRIPT),
    "an exercise with a path for a name": set_to({}, "exercises", "../../gradebook"),
    "a cell of nobody's": set_to([], "outputs", "../x"),
    "NaN": both(float("nan")),
    "infinitely many points": both(float("inf")),
    "more than there are": both(POINTS + 1),
    "fewer than none": both(-1),
    "points of true": set_to(True, "exercises", NAME, "points"),
    "points in words": set_to("6", "exercises", NAME, "points"),
    "points that are not shown": set_to(POINTS, "exercises", NAME, "points"),
    "another maximum": set_to(POINTS * 2, "exercises", NAME, "max_points"),
    "a message that PostgreSQL refuses": set_to("a\0b", "exercises", NAME, "message"),
    "a message that no file holds": set_to("\ud800", "exercises", NAME, "message"),
    "a giant message": set_to("a" * 10**5, "exercises", NAME, "message"),
    "a mistake that is none": set_to(["sign"], "exercises", NAME, "mistake"),
    "rungs that are none": set_to([{"name": 1}], "exercises", NAME, "rungs"),
    "a fingerprint with a script": set_to("<script>12345678", "exercises", NAME, "fingerprint"),
    "a fingerprint of numbers": set_to(7, "exercises", NAME, "fingerprint"),
    "a script": set_to([SCRIPT], "outputs", NAME),
    "statuses that are none": set_to(["done"], "statuses"),
    "a cell that ended oddly": set_to([{"cell_id": NAME, "outcome": "x", "sentence": ""}],
                                      "statuses"),
    "no time": set_to(float("nan"), "seconds"),
    "no walls": set_to("thick ones", "walls"),
    "a doubt of numbers": set_to(7, "doubt"),
    "no dict of outputs": set_to(None, "outputs"),
    "one thing more": set_to(1, "more"),
}  # fmt: skip


def test_a_workers_own_examination_is_taken():
    assert read(answer()).exercises[NAME]["points"] == 0
    found = answer()
    both(POINTS)(found)
    assert read(found).exercises[NAME]["points"] == POINTS


@pytest.mark.parametrize("spoil", SPOILT.values(), ids=SPOILT)
def test_a_spoilt_reply_is_refused(spoil):
    found = answer()
    spoil(found)
    with pytest.raises(UnusableReply, match="^the worker's reply cannot be used: its "):
        read(found)


@pytest.mark.parametrize("reply", [None, 7, {}, "", "[]", "null", "[" * 10**5, '{"a": 1}'])
def test_what_is_no_examination_is_refused(reply):
    with pytest.raises(UnusableReply):
        read_reply(reply, json.dumps(asdict(task())))


def test_a_giant_reply_is_not_even_read(monkeypatch):
    monkeypatch.setattr(replies, "LONGEST_REPLY", 100)
    with pytest.raises(UnusableReply, match="too long"):
        read(answer())
