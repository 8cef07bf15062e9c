"""The edition with solutions: the public pages, and behind each exercise its folded answer.

Made from the finished public edition in seconds; no page is written or executed twice.
"""

import re
import shutil
from html import escape

from markdown_it import MarkdownIt
from page_tasks import answer_mark
from publishing import ROOT, pages_of
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer
from search_engines import PREVIEW_TAG

from autograder import chapters, exercises_of, questions_of
from autograder.errors import CourseError

MISTAKES_SHOWN = 3
STYLE = ROOT / "site/solutions.css"
BANNER = """<p class="edition-banner" role="note"><strong>Edition with solutions.</strong> For
teachers, and for those who have done the exercises.</p>"""
SOLUTION = """<details class="solution"><summary>Solution of <code>{name}</code></summary>
<div class="highlight-ipython3 notranslate">{code}</div>
<p>What the check says to common mistakes:</p>
{mistakes}</details>"""
ANSWER = """<details class="solution"><summary>Model answer and marking scheme</summary>
{answer}
<p><strong>Marks.</strong></p>
{scheme}</details>"""
ONLY_IN_PUBLIC = re.compile(r'<link rel="canonical"[^>]*>')
ARTICLE = re.compile(r'<article class="bd-article"[^>]*>')


def make_solutions_edition(public, target):
    """Write the edition with solutions of the built site `public` into the folder `target`.

    Raises CourseError, before anything is replaced, where a page lacks the place for an answer.
    """
    new = target.with_name(f"{target.name}.new")
    shutil.rmtree(new, ignore_errors=True)
    shutil.copytree(public, new)
    (new / "sitemap.xml").unlink(missing_ok=True)
    shutil.rmtree(new / "_previews", ignore_errors=True)
    (new / "robots.txt").write_text("User-agent: *\nDisallow: /\n")
    wanted = answers_by_page()
    for page in new.glob("*.html"):
        page.write_text(without_search(page.read_text(encoding="utf-8")), encoding="utf-8")
    for page in pages_of(new):
        text = without_search(page.read_text(encoding="utf-8"))
        page.write_text(with_answers(page.name, text, wanted.get(page.stem, {})), encoding="utf-8")
    shutil.rmtree(target, ignore_errors=True)
    new.rename(target)


def answers_by_page():
    """HTML of each answer by its name, by chapter."""
    return {
        chapter: {
            **{exercise.name: solution_html(exercise) for exercise in exercises_of(chapter)},
            **{question.name: answer_html(question) for question in questions_of(chapter)},
        }
        for chapter in chapters()
    }


def solution_html(exercise):
    """The reference's lines, coloured, and what the check says to some wrong ones."""
    code = highlight(exercise.solution.rstrip(), PythonLexer(stripnl=True), HtmlFormatter())
    said = list(dict.fromkeys(edit.says for edit in exercise.edits))[:MISTAKES_SHOWN]
    mistakes = MarkdownIt().render("\n".join(f"- {sentence}" for sentence in said))
    return SOLUTION.format(name=escape(exercise.name), code=code, mistakes=mistakes)


def answer_html(question):
    """The question's model answer, and how it is marked."""
    markdown = MarkdownIt().enable("table")
    return ANSWER.format(
        answer=markdown.render(question.answer), scheme=markdown.render(question.marking_scheme)
    )


def with_answers(page, text, answers):
    """A page's HTML with its banner and its answers."""
    for name, answer in answers.items():
        if text.count(answer_mark(name)) != 1:
            raise CourseError(f"{page} has no place, or several, for the answer to {name}.")
        text = text.replace(answer_mark(name), answer)
    text = into_head(text, f"<style>\n{STYLE.read_text(encoding='utf-8')}</style>")
    return ARTICLE.sub(lambda found: found[0] + BANNER, text, count=1)


def without_search(text):
    """A page's HTML without what brings visitors from search engines and previews."""
    text = ONLY_IN_PUBLIC.sub("", PREVIEW_TAG.sub("", text))
    return into_head(text, '<meta name="robots" content="noindex" />')


def into_head(text, tag):
    return text.replace("</head>", f"{tag}\n</head>", 1)
