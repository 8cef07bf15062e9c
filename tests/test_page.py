"""A page's prose becomes plain Markdown, and what would not is named with page and line."""

import pytest
from course_pages import HEAD, FakeExercise, code_cell

from autograder.errors import CourseError
from autograder.exercise_card import exercise_card
from autograder.page import learner_text, page_path, read_page

BIBLIOGRAPHY = """
@article{simonyan2014, author = {Simonyan, Karen and Vedaldi, Andrea and Zisserman, Andrew},
  title = {Deep inside}, year = {2014}}
@article{smilkov2017, author = {Smilkov, Daniel and van den Berg, Jan}, title = {S}, year = {2017}}
"""


def text_of(tmp_path, prose):
    """The learner's text of a page that holds this prose alone."""
    (tmp_path / "references.bib").write_text(BIBLIOGRAPHY, encoding="utf-8")
    (tmp_path / "page.md").write_text(HEAD + prose, encoding="utf-8")
    (cell,) = read_page(tmp_path / "page.md")
    return learner_text(cell, tmp_path / "references.bib")


@pytest.mark.parametrize(
    ("prose", "expected"),
    [
        ("A {term}`saliency map <saliency>` of {term}`x`.", "A saliency map of x."),
        ("{cite:t}`simonyan2014` did it.", "Simonyan et al. (2014) did it."),
        (
            "It was done {cite:p}`simonyan2014, smilkov2017`.",
            "It was done (Simonyan et al., 2014; Smilkov and van den Berg, 2017).",
        ),
        ("(saliency)=\n# Saliency", "# Saliency"),
        ("Mathematics $x_{i}^2$ stays.", "Mathematics $x_{i}^2$ stays."),
        ("```python\n{ref}`x`\n```", "```python\n{ref}`x`\n```"),
    ],
)
def test_roles_become_words(tmp_path, prose, expected):
    assert text_of(tmp_path, prose) == expected


@pytest.mark.parametrize(
    "prose",
    [
        "See {ref}`there`.",
        "See {doc}`saliency`.",
        "```{note}\nRead.\n```",
        ":::{tip}\nRead.\n:::",
        "$$\nx = y\n$$ (label)",
        "See [the chapter](saliency.md).",
        "{cite:t}`nobody1999` did it.",
    ],
)
def test_what_jupyter_would_show_as_it_stands_is_refused(tmp_path, prose):
    with pytest.raises(CourseError, match=r"^page\.md, line \d+: .+"):
        text_of(tmp_path, "\n\n" + prose)


def test_the_line_of_a_complaint_is_the_cells_line(tmp_path):
    text = HEAD + "# Title\n" + code_cell("x = 1") + "\nSee {ref}`there`.\n"
    (tmp_path / "page.md").write_text(text, encoding="utf-8")
    cell = read_page(tmp_path / "page.md")[-1]
    line = text.splitlines().index("See {ref}`there`.") + 1
    with pytest.raises(CourseError, match=rf"line ({line}|{line - 1})\b"):
        learner_text(cell)


def test_a_page_that_does_not_exist_is_answered_with_those_that_do(tmp_path):
    (tmp_path / "saliency.md").write_text("", encoding="utf-8")
    with pytest.raises(CourseError, match=r"no page salience\.md; the pages are: saliency"):
        page_path("salience", tmp_path)


def test_the_card_shows_points_and_folds_the_hints():
    card = exercise_card(FakeExercise())
    for text in (card.markdown(), card._repr_html_()):
        assert "3 points" in text
        assert text.count("<details>") == 3
        assert "double(2) gives 4." in text
    assert "Think <em>twice</em>." in card._repr_html_()
