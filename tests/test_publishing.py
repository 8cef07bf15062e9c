"""Publishing: settings, start buttons, notebooks to download, two editions, sound links."""

import importlib.util
import re
import subprocess
import zipfile
from datetime import date
from urllib.parse import parse_qs, urlsplit

import links
import nbformat
import notebook_folder
import publishing
import pytest
import yaml
from bs4 import BeautifulSoup
from class_names import class_anchor
from launch import launch_links
from links import find_broken_links, links_elsewhere
from notebook_card import card_html
from page_tasks import answer_mark, mark_questions
from PIL import Image
from preview_pictures import SIZE, read_picture
from published import find_answers, find_foreign
from publishing import ROOT, Settings, SettingsError, read_settings, source_date, version_line
from search_engines import add_files_for_search_engines
from solutions_edition import make_solutions_edition, solution_html, with_answers
from sphinx.application import Sphinx
from sphinx.util.docutils import docutils_namespace

import course_lib
from autograder import all_exercises, chapters, exercises_of, questions_of
from autograder.errors import CourseError
from course_lib.efficientnet_lite import class_names

EXAMPLE = Settings(
    site_url="https://example.org/course",
    repository="https://github.com/somebody/course",
    binder="https://mybinder.org",
    colab="https://colab.research.google.com",
    jupyterhub="https://hub.example.org",
)


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


# Settings


def test_by_default_the_course_is_published_nowhere():
    settings = read_settings(environment={})
    assert (settings.site_url, settings.repository, settings.jupyterhub) == ("", "", "")
    assert launch_links(settings, "saliency") == []


def test_the_environment_takes_precedence_and_a_final_slash_does_not_matter():
    given = {"COURSE_SITE_URL": "https://example.org/course/", "COURSE_BRANCH": ""}
    settings = read_settings(environment=given)
    assert settings.page_url("a.html") == "https://example.org/course/a.html"
    assert settings.branch == "notebooks"


@pytest.mark.parametrize("address", ["example.org", "ftp://example.org", "https://", "https:/x"])
def test_an_address_that_is_none_is_said(address):
    with pytest.raises(SettingsError, match="setting repository is .*begins with https://"):
        read_settings(environment={"COURSE_REPOSITORY": address})


def test_an_unknown_setting_is_answered_with_those_that_exist(tmp_path):
    file = write(tmp_path / "publishing.yml", "site_ulr: https://example.org\n")
    with pytest.raises(SettingsError, match=r"no setting site_ulr; there are: site_url, .*"):
        read_settings(file, {})


# Start buttons


def test_each_service_gets_its_own_form_of_address():
    starts = dict(launch_links(EXAMPLE, "saliency"))
    assert starts["Binder"] == (
        "https://mybinder.org/v2/gh/somebody/course/notebooks"
        "?urlpath=lab%2Ftree%2Fsaliency%2Fsaliency.ipynb"
    )
    assert starts["Colab"] == (
        "https://colab.research.google.com/github/somebody/course/blob/notebooks/colab/saliency.ipynb"
    )
    hub = urlsplit(starts["JupyterHub"])
    assert hub.path == "/hub/user-redirect/git-pull"
    assert parse_qs(hub.query) == {
        "repo": ["https://github.com/somebody/course"],
        "branch": ["notebooks"],
        "urlpath": ["lab/tree/course/saliency/saliency.ipynb"],
    }


@pytest.mark.parametrize(
    ("repository", "source"),
    [
        ("https://gitlab.com/a/b/course.git", "gl/a%2Fb%2Fcourse/notebooks"),
        ("https://git.example.org/course", "git/https%3A%2F%2Fgit.example.org%2Fcourse/notebooks"),
    ],
)
def test_other_hosts_than_github_start_on_binder_and_not_on_colab(repository, source):
    starts = dict(launch_links(Settings(repository=repository, binder="https://b.org"), "doubt"))
    assert starts.keys() == {"Binder"}
    assert starts["Binder"].startswith(f"https://b.org/v2/{source}?")


def test_a_service_without_its_setting_has_no_button():
    card = BeautifulSoup(card_html(Settings(), "saliency", 1, "../notebooks"), "html.parser")
    assert [link["href"] for link in card.find_all("a")] == [
        "../notebooks/saliency.zip",
        f"../notebooks/{notebook_folder.wheel_name()}",
    ]
    card = BeautifulSoup(card_html(EXAMPLE, "saliency", 2, "../notebooks"), "html.parser")
    assert [link.text for link in card.select(".notebook-links a")] == [
        "Download the notebook",
        "Start on Binder",
        "Start on Colab",
        "Start on JupyterHub",
    ]


# The folder of notebooks


@pytest.fixture
def released(tmp_path):
    """A released chapter as it lies in the folder, and a wheel."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1", id="one")])
    write(tmp_path / "saliency/saliency.ipynb", nbformat.writes(notebook))
    write(tmp_path / "saliency/checks/compute.safetensors", "data")
    write(tmp_path / "course-1.0-py3-none-any.whl", "wheel")
    return tmp_path


def test_a_download_holds_the_chapters_files_and_the_same_bytes_each_time(released, tmp_path):
    for name in ("a", "b"):
        folder = tmp_path / name
        notebook_folder.pack_downloads(
            released, "course-1.0-py3-none-any.whl", ["saliency"], folder
        )
    assert (tmp_path / "a/saliency.zip").read_bytes() == (tmp_path / "b/saliency.zip").read_bytes()
    with zipfile.ZipFile(tmp_path / "a/saliency.zip") as archive:
        assert archive.namelist() == [
            "saliency/checks/compute.safetensors",
            "saliency/saliency.ipynb",
        ]


def test_only_colabs_notebook_installs_the_course(released):
    wheel = "course-1.0-py3-none-any.whl"
    notebook_folder.add_colab_notebooks(released, wheel, ["saliency"], EXAMPLE)
    first, second = nbformat.read(released / "colab/saliency.ipynb", 4).cells
    assert f"%pip install --quiet course/{wheel}" in first.source
    assert "--branch notebooks https://github.com/somebody/course" in first.source
    assert second.source == "1"
    assert len(nbformat.read(released / "saliency/saliency.ipynb", 4).cells) == 1


def test_without_a_repository_there_is_nothing_for_colab(released):
    notebook_folder.add_colab_notebooks(released, "x.whl", ["saliency"], Settings())
    assert not (released / "colab").exists()


def test_binder_builds_from_the_versions_that_ci_runs(tmp_path):
    settings = Settings(torch_index="https://torch.example/cpu")
    notebook_folder.add_environment(tmp_path, "course-1.0-py3-none-any.whl", settings)
    assert (tmp_path / "binder/requirements.txt").read_text().splitlines() == [
        "--constraint ../constraints.txt",
        "--extra-index-url=https://torch.example/cpu",
        "./course-1.0-py3-none-any.whl",
    ]
    constraints = (tmp_path / "constraints.txt").read_text()
    assert constraints == (ROOT / "constraints.txt").read_text()


def workflow(name):
    return yaml.safe_load((ROOT / f".github/workflows/{name}.yml").read_text(encoding="utf-8"))


def test_workflows_pin_their_actions_and_may_only_read_unless_they_publish():
    for name in ("pages", "tests"):
        content = workflow(name)
        assert content["permissions"] == {"contents": "read"}
        for job in content["jobs"].values():
            used = [step["uses"] for step in job["steps"] if "uses" in step]
            assert all(re.fullmatch(r"actions/[\w-]+@[0-9a-f]{40}", action) for action in used)


def test_the_workflow_adds_commits_to_the_branch_of_notebooks(tmp_path):
    step = workflow("pages")["jobs"]["notebooks"]["steps"][-1]
    subprocess.run(["git", "init", "--quiet", "--bare", tmp_path / "hub"], check=True)
    for content in ("first", "second", "second"):
        work = tmp_path / "work"
        write(work / "notebooks/saliency.ipynb", content)
        env = {"ADDRESS": str(tmp_path / "hub"), "GITHUB_SHA": content, "PATH": "/usr/bin:/bin"}
        subprocess.run(["bash", "-e", "-c", step["run"]], cwd=work, env=env, check=True)
        subprocess.run(["rm", "-r", work], check=True)
    log = ["git", "-C", tmp_path / "hub", "log", "--format=%s", "notebooks"]
    said = subprocess.run(log, check=True, capture_output=True, text=True).stdout
    assert said.splitlines() == ["Notebooks of second", "Notebooks of first"]


# Version and date


def test_the_date_is_that_of_the_last_commit_and_edits_are_said(monkeypatch, tmp_path):
    monkeypatch.setattr(publishing, "ROOT", tmp_path)
    page, other = write(tmp_path / "chapters/a.md", "1"), write(tmp_path / "LICENSE", "1")
    git = ["git", "-C", tmp_path, "-c", "user.name=A", "-c", "user.email=a@example.org"]
    subprocess.run([*git, "init", "--quiet"], check=True)
    for file, day in ((page, "2026-03-01"), (other, "2026-05-01")):
        subprocess.run([*git, "add", file], check=True)
        env = {"GIT_COMMITTER_DATE": f"{day}T12:00:00Z", "PATH": "/usr/bin:/bin"}
        subprocess.run([*git, "commit", "--quiet", "-m", "x"], check=True, env=env)
    assert source_date(["chapters"], {}) == (date(2026, 3, 1), False)
    page.write_text("2")
    assert source_date(["chapters"], {}) == (date(2026, 3, 1), True)
    assert source_date(["chapters"], {"SOURCE_DATE_EPOCH": "86400"}) == (date(1970, 1, 2), False)


def test_outside_a_checkout_the_version_is_undated(monkeypatch, tmp_path):
    monkeypatch.setattr(publishing, "ROOT", tmp_path)
    assert source_date(["chapters"], {}) == (None, False)
    assert version_line(None, False).endswith("undated: it was built outside its repository.")
    assert version_line(date(2026, 3, 1), True).endswith(" of 1 March 2026, edited since.")


# Search engines and previews


@pytest.fixture
def small_site(tmp_path):
    """A site of two pages, one of them with a picture, and one that has moved."""
    built = tmp_path / "html"
    Image.new("RGB", (900, 300), "red").save(write(built / "red.png", ""))
    head = '<html><head><meta property="og:title" content="One" /></head>'
    write(built / "chapters/one.html", f'{head}<article class="bd-article"><img src="../red.png">')
    write(built / "chapters/two.html", f'{head}<article class="bd-article"><p id="place">')
    write(built / "chapters/old.html", '<meta http-equiv="refresh" content="0; url=two.html" />')
    root = '<head><meta http-equiv="refresh" content="0; url=chapters/one.html" /></head>'
    write(built / "index.html", root)
    return built


def test_a_site_with_an_address_has_a_sitemap_and_a_preview_picture_for_each_page(small_site):
    add_files_for_search_engines(small_site, EXAMPLE)
    pages = re.findall("<loc>(.*)</loc>", (small_site / "sitemap.xml").read_text())
    base = "https://example.org/course"
    assert pages == [f"{base}/chapters/one.html", f"{base}/chapters/two.html"]
    assert f"Sitemap: {base}/sitemap.xml" in (small_site / "robots.txt").read_text()
    one, two = (read_picture(small_site / f"_previews/{name}.jpg") for name in ("one", "two"))
    assert one.size == two.size == SIZE
    assert one.getpixel((600, 315))[0] > 200 > 60 > one.getpixel((600, 315))[1]
    assert 'content="One"' in (small_site / "index.html").read_text()


def test_a_site_without_an_address_has_neither(small_site):
    add_files_for_search_engines(small_site, Settings())
    assert (small_site / "robots.txt").read_text() == "User-agent: *\nAllow: /\n"
    assert not (small_site / "sitemap.xml").exists()
    assert not (small_site / "_previews").exists()


def test_the_canonical_address_is_nothing_that_a_page_loads(small_site):
    link = '<link rel="canonical" href="https://example.org/course/chapters/one.html" />'
    write(small_site / "chapters/one.html", link)
    assert find_foreign(small_site) == []


# Links


def test_links_that_lead_nowhere_are_found_and_good_ones_are_not(small_site):
    good = '<a href="two.html#place"></a><a href="#here" id="here"></a><img src="../red.png?v=1">'
    write(small_site / "chapters/one.html", f'{good}<a href="https://example.org/a#b"></a>')
    assert find_broken_links(small_site) == []
    bad = ["two.html#nowhere", "three.html", "/chapters/two.html", "../../secret", "https://x y/"]
    page = "".join(f'<a href="{link}"></a>' for link in bad)
    page += '<img srcset="../red.png 1x, ../blue.png 2x">'
    write(small_site / "chapters/one.html", page)
    write(small_site / "chapters/old.html", '<meta content="0; url=gone.html" />')
    assert find_broken_links(small_site) == [
        "chapters/old.html links to gone.html, which is not there",
        "chapters/one.html links to two.html#nowhere, which has no such place",
        "chapters/one.html links to three.html, which is not there",
        "chapters/one.html links to /chapters/two.html, "
        "which breaks where the site is served from a folder",
        "chapters/one.html links to ../../secret, which is not there",
        "chapters/one.html links to https://x y/, which is no proper address",
        "chapters/one.html links to ../blue.png, which is not there",
    ]


def test_links_elsewhere_are_listed_with_their_pages(small_site, monkeypatch, capsys):
    write(small_site / "chapters/one.html", '<a href="https://example.org/paper"></a>')
    monkeypatch.setattr(links, "PUBLISHED", small_site)
    links.main()
    assert capsys.readouterr().out == "https://example.org/paper\tone\n"
    assert links_elsewhere(small_site) == {"https://example.org/paper": {"one"}}


# The edition with solutions


@pytest.fixture
def build():
    """The module site/build.py; a package has the same name."""
    spec = importlib.util.spec_from_file_location("site_build", ROOT / "site/build.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("exercise", all_exercises(), ids=lambda e: e.name)
def test_a_solution_is_shown_whole_with_what_people_get_wrong(exercise):
    shown = BeautifulSoup(solution_html(exercise), "html.parser")
    assert shown.summary.text == f"Solution of {exercise.name}"
    lines = [line.strip() for line in exercise.solution.splitlines() if line.strip()]
    assert [line.strip() for line in shown.pre.text.splitlines() if line.strip()] == lines
    assert shown.find_all("li")


def test_every_question_of_every_page_has_a_place_for_its_answer_and_lines_stay():
    for chapter in chapters():
        text = (ROOT / f"chapters/{chapter}.md").read_text(encoding="utf-8")
        source = [text]
        mark_questions(None, chapter, source)
        assert [source[0].count(answer_mark(q.name)) for q in questions_of(chapter)] == [1] * len(
            questions_of(chapter)
        )
        assert source[0].count("\n") == text.count("\n")


def page_with_places(chapter):
    names = [task.name for task in (*exercises_of(chapter), *questions_of(chapter))]
    places = "".join(answer_mark(name) for name in names)
    return (
        '<head><link rel="canonical" href="x" /><meta property="og:title" content="A" />'
        f'</head><article class="bd-article">{places}</article>'
    )


@pytest.fixture
def editions(tmp_path):
    """A public edition of empty pages, and its edition with solutions."""
    for chapter in chapters():
        write(tmp_path / f"html/chapters/{chapter}.html", page_with_places(chapter))
    write(tmp_path / "html/index.html", "<head></head>")
    write(tmp_path / "html/sitemap.xml", "")
    make_solutions_edition(tmp_path / "html", tmp_path / "solutions")
    return tmp_path / "html", tmp_path / "solutions"


def test_the_edition_with_solutions_shows_them_and_keeps_away_from_search_engines(editions):
    public, solutions = editions
    answers = [(e.name, e.solution) for e in all_exercises()]
    assert find_answers(public, answers) == []
    assert len(find_answers(solutions, answers)) >= len(answers)
    for file in solutions.rglob("*.html"):
        page = BeautifulSoup(file.read_text(encoding="utf-8"), "html.parser")
        assert page.find("meta", attrs={"name": "robots"})["content"] == "noindex"
        assert not page.find("link", rel="canonical")
        assert not page.find("meta", property="og:title")
        assert bool(page.select("article > .edition-banner")) == ("chapters" in file.parts)
    assert (solutions / "robots.txt").read_text() == "User-agent: *\nDisallow: /\n"
    assert not (solutions / "sitemap.xml").exists()


def test_the_edition_with_solutions_is_made_of_the_current_public_one(
    build, editions, monkeypatch, tmp_path, capsys
):
    asked = []
    monkeypatch.setattr(
        build, "build_public", lambda settings, if_changed: asked.append(if_changed)
    )
    monkeypatch.setattr(build, "PUBLISHED", editions[0])
    monkeypatch.setattr(build, "SOLUTIONS", tmp_path / "answers")
    monkeypatch.setattr("sys.argv", ["build.py", "--edition", "solutions"])
    build.main()
    assert asked == [True]
    assert capsys.readouterr().out.endswith("answers/index.html\n")
    page = (tmp_path / "answers/chapters/saliency.html").read_text(encoding="utf-8")
    assert "Solution of <code>compute_saliency_maps</code>" in page


def test_a_wrong_setting_fails_the_build_with_its_sentence(build, monkeypatch):
    monkeypatch.setenv("COURSE_SITE_URL", "example.org")
    monkeypatch.setattr("sys.argv", ["build.py"])
    with pytest.raises(SystemExit, match=r"The site was not built\. The setting site_url is"):
        build.main()


def test_an_answer_without_its_place_fails_the_edition():
    with pytest.raises(CourseError, match=r"a\.html has no place, or several, for the answer to f"):
        with_answers("a.html", "<article></article>", {"f": "..."})


def test_answers_in_a_download_are_found(tmp_path):
    with zipfile.ZipFile(tmp_path / "notebook.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.ipynb", '["best = (scores > 0)\\n", "label = names[best]\\n"]')
    answer = "best = (scores > 0)\nlabel = names[best]\n"
    assert find_answers(tmp_path, [("best_label", answer)]) == [
        "notebook.zip shows lines of the answer to best_label"
    ]


# What the search finds, and pages that moved


@pytest.fixture(scope="module")
def small_book(tmp_path_factory):
    """A book of two pages, built by Sphinx with the site's own extensions."""
    source = tmp_path_factory.mktemp("book")
    write(source / "index.md", "# Index\n\nText.\n\n```{toctree}\nclasses\n```\n")
    write(source / "classes.md", "# Classes\n\n```{class-names}\n```\n")
    settings = {
        "extensions": ["myst_parser", "class_names", "sphinx_reredirects"],
        "html_theme": "basic",
        "redirects": {"chapters/old": "../classes.html"},
        "redirect_html_template_file": str(ROOT / "site/templates/moved.html"),
    }
    built = source / "html"
    with docutils_namespace():
        app = Sphinx(source, None, built, source / "trees", "html", settings, status=None)
        app.build()
    assert app.statuscode == 0
    return built


def test_the_search_finds_each_class_by_its_name(small_book):
    index = (small_book / "searchindex.js").read_text(encoding="utf-8")
    page = BeautifulSoup((small_book / "classes.html").read_text(encoding="utf-8"), "html.parser")
    anchors = {item["id"]: item.get_text(" ", strip=True) for item in page.select("li[id]")}
    assert len(anchors) == 1000
    for number, name in enumerate(class_names()):
        assert anchors[class_anchor(number, name)] == f"{name} {number}"
        assert f'"{class_anchor(number, name)}"' in index
    assert '"tabby": [[' in index


def test_what_the_page_of_classes_says_of_them_is_true():
    names = class_names()
    assert names[281] == "tabby" and "giraffe" not in names
    assert "crane" in names and "crane bird" in names


def test_a_page_that_moved_leads_to_its_new_place(small_book):
    moved = BeautifulSoup((small_book / "chapters/old.html").read_text(), "html.parser")
    assert moved.find("meta", attrs={"http-equiv": "refresh"})["content"] == (
        "0; url=../classes.html"
    )
    assert moved.a["href"] == "../classes.html"
    assert moved.html["lang"] == "en" and moved.find("meta", attrs={"name": "description"})


def test_the_page_of_the_tools_describes_each_of_them():
    page = (ROOT / "chapters/tools.md").read_text(encoding="utf-8")
    described = re.findall(r"^\.\. auto(?:function|class):: (\w+)$", page, re.MULTILINE)
    assert sorted(described) == sorted(course_lib.__all__)
