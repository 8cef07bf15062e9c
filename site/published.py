"""What must not stand in the published site: answers, and resources from a stranger's server.

site/build.py refuses to publish what these functions find.
"""

import re
import zipfile
from html import unescape
from pathlib import Path

from bs4 import BeautifulSoup

# How packed bytes begin, in which no text can be read: gzip, PNG, JPEG, WebP, WOFF2.
PACKED = (b"\x1f\x8b", b"\x89PNG", b"\xff\xd8\xff", b"RIFF", b"wOF2")
LINES_THAT_GIVE_AWAY = 2  # one line of an answer may well stand in a demonstration
MARKED = re.compile(r"### BEGIN SOLUTION\n(.*?)### END SOLUTION", re.DOTALL)

# What a browser loads by itself; links that a reader follows, and the page's own canonical address,
# are not among them.
LOADED = {
    "script": ("src",),
    "link": ("href",),
    "img": ("src", "srcset"),
    "iframe": ("src",),
    "source": ("src", "srcset"),
    "audio": ("src",),
    "video": ("src", "poster"),
    "embed": ("src",),
    "object": ("data",),
}
ELSEWHERE = re.compile(r"^\s*(?:https?:)?//", re.IGNORECASE)
CSS_ELSEWHERE = re.compile(r"""(?:url\(|@import)\s*["']?((?:https?:)?//[^"')\s]+)""", re.IGNORECASE)


def find_answers(folder, solutions):
    """Search every file under `folder` for `solutions`, pairs of (name, body of the answer).

    Spacing, quotes, HTML (colouring, entities) and JSON's escapes make no difference; two
    neighbouring lines of an answer suffice. Archives are opened; pictures, fonts and packed
    networks are not. Returns sentences, one for each file and answer.
    """
    patterns = [(name, _give_aways(body)) for name, body in solutions]
    return [
        f"{file.relative_to(folder)} shows lines of the answer to {name}"
        for file in _files(folder)
        for views in [_views(_text(file))]
        for name, give_aways in patterns
        if any(lines in view for lines in give_aways for view in views)
    ]


def find_foreign(folder):
    """Search pages and styles for resources of other hosts. Returns sentences, one for each."""
    pages = [
        f"{file.relative_to(folder)} loads {url}"
        for file in _files(folder)
        if file.suffix == ".html"
        for url in _loaded_urls(file.read_text(encoding="utf-8"))
        if ELSEWHERE.match(url)
    ]
    styles = [
        f"{file.relative_to(folder)} loads {url}"
        for file in _files(folder)
        if file.suffix in {".css", ".html"}
        for url in CSS_ELSEWHERE.findall(file.read_text(encoding="utf-8"))
    ]
    return pages + styles


def course_answers():
    """Pairs of (name, answer): reference solutions and answers to written questions."""
    from autograder import chapters, exercises_of, questions_of

    exercises = [exercise for chapter in chapters() for exercise in exercises_of(chapter)]
    questions = [question for chapter in chapters() for question in questions_of(chapter)]
    return [(exercise.name, _marked_body(exercise.source)) for exercise in exercises] + [
        (question.name, question.answer) for question in questions
    ]


def _marked_body(source):
    return "".join(MARKED.findall(source))


def _files(folder):
    return sorted(file for file in Path(folder).rglob("*") if file.is_file())


def _text(file):
    """The file's text, none where it is packed; of an archive, the texts of all files in it."""
    if not zipfile.is_zipfile(file):
        content = file.read_bytes()
        return "" if content.startswith(PACKED) else content.decode(errors="ignore")
    with zipfile.ZipFile(file) as archive:
        return "\n".join(archive.read(name).decode(errors="ignore") for name in archive.namelist())


def _give_aways(body):
    """Every run of LINES_THAT_GIVE_AWAY lines (or the whole of a shorter body), squeezed."""
    lines = [_squeeze(line) for line in body.splitlines() if _squeeze(line)]
    last = max(len(lines) - LINES_THAT_GIVE_AWAY, 0)
    runs = ("".join(lines[i : i + LINES_THAT_GIVE_AWAY]) for i in range(last + 1))
    return {run for run in runs if run}


def _views(text):
    """The text as it stands and as a reader sees it: both squeezed."""
    plain = unescape(re.sub(r"<[^<>]*>", "", text))
    return _squeeze(unescape(text)), _squeeze(plain)


def _squeeze(text):
    """Undo JSON's escapes and drop what may differ in a copy: spacing, quotes and commas."""
    text = re.sub(r"\\u([0-9a-fA-F]{4})", lambda match: chr(int(match[1], 16)), text)
    text = re.sub(r"\\[nrt]", " ", text)
    return re.sub(r"""[\s"',\\]+""", "", text)


def _loaded_urls(html):
    soup = BeautifulSoup(html, "html.parser")
    for tag, attributes in LOADED.items():
        for element in soup.find_all(tag):
            if "canonical" not in element.get("rel", ()):
                yield from (element[name] for name in attributes if element.has_attr(name))
