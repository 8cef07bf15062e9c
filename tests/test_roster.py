"""The roster is taken whole or not at all; complaints name lines."""

import pytest

from autograder.course import Course
from autograder.errors import CourseError
from autograder.roster import people, read_roster, save_roster

HEAD = "id,first_name,last_name,email,lms id\n"


@pytest.fixture
def file(tmp_path):
    """A function that writes a roster file."""

    def write(text, encoding="utf-8"):
        path = tmp_path / "class.csv"
        path.write_bytes(text.encode(encoding))
        return path

    return write


def test_a_roster_stands_in_nbgraders_table(tmp_path, file):
    course = Course.open(tmp_path / "course")
    save_roster(course, read_roster(file(HEAD + "ada,Ada,Lovelace,ada@x.org,17\nbo,,,,\n")))
    with course.gradebook() as gradebook:
        ada, bo = sorted(gradebook.students, key=lambda student: student.id)
        assert (ada.first_name, ada.last_name, ada.email, ada.lms_user_id) == (
            "Ada",
            "Lovelace",
            "ada@x.org",
            "17",
        )
        assert (bo.id, bo.first_name) == ("bo", None)
    assert people(course)["ada"]["lms_user_id"] == "17"
    save_roster(course, read_roster(file("id,first_name\nbo,Bo\n")))
    assert list(people(course)) == ["bo"]


def test_without_a_roster_there_is_none(tmp_path):
    assert people(Course(tmp_path)) is None


@pytest.mark.parametrize(
    "text", ["\ufeffid;last_name\nada;Ångström\n", "ID,Last Name\nada,Ångström\n"]
)
def test_spreadsheets_ways_of_writing_csv_are_read(file, text):
    (ada,) = read_roster(file(text))
    assert (ada["id"], ada["last_name"]) == ("ada", "Ångström")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (HEAD + "ada,,,,\n../x,,,,\n", "line 3: '../x' is no id"),
        (HEAD + "=cmd|,,,,\n", "line 2: '=cmd|' is no id"),
        (HEAD + "ada,,,,\nada,,,,\n", "line 3: the id 'ada' stands in line 2, too."),
        (HEAD + ",Ada,,,\n", "line 2: the id is missing."),
        (HEAD + "ada,A\0,B\x1b[1m,,\n", "line 2: first_name, last_name has a character that can"),
        (HEAD + "ada,<b>Ada,,,\n", "line 2: first_name has a <, which formgrader would take for"),
        (HEAD + "ada,a,b,c,d,e\n", "line 2: it has more fields"),
        (HEAD + f"ada,{'a' * 200},,,\n", "line 2: first_name has more than 128 characters."),
        (HEAD, "there is nobody in it"),
        (HEAD + "a" * 200_000, "it is no CSV (field larger than"),
        ("name\nada\n", "has no column id"),
        ("", "has no column id"),
    ],
)
def test_a_bad_line_is_named_and_nothing_is_taken(file, text, complaint):
    with pytest.raises(CourseError) as refusal:
        read_roster(file(text))
    assert complaint in str(refusal.value)


def test_a_file_that_cannot_be_read_gets_a_sentence(tmp_path, file):
    with pytest.raises(CourseError, match="cannot be read"):
        read_roster(tmp_path / "nowhere.csv")
    with pytest.raises(CourseError, match="not in UTF-8"):
        read_roster(file("id,last_name\nada,Ångström\n", "latin-1"))
