"""Students' notebooks as one folder, _build/notebooks, and as downloads of the site.

The folder is what the branch for Binder, Colab and JupyterHub holds (see site/publishing.yml):
every chapter's notebook with the data of its self-check, the wheel of the tools, and the
environment, from the versions that CI runs. Run: python site/notebook_folder.py
"""

import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from importlib import metadata
from multiprocessing import get_context
from pathlib import Path

import nbformat
from fingerprint import fingerprint
from launch import COLAB_FOLDER, colab_path, notebook_path
from nbformat import v4
from publishing import DOWNLOADS, ROOT, SettingsError, read_settings
from tqdm import tqdm

from autograder.catalogue import chapters as known_chapters
from autograder.course import Course
from autograder.errors import CourseError
from autograder.notebooks import write_notebook
from autograder.release import release

BUILD = ROOT / "_build"
FOLDER = BUILD / "notebooks"
STAMP = BUILD / "notebooks.stamp"  # says of which sources both were made
SOURCES = ("constraints.txt", "pyproject.toml", "hatch_build.py", "site/notebook_folder.py")
ROOMS = ("solutions", "autograder", "course_lib")
PYTHON = "3.11"  # of the image on Binder, as in CI
EPOCH = (1980, 1, 1, 0, 0, 0)  # zip's first day: the same notebooks give the same bytes

README = """# Seeing with Gradients: the notebooks

Made by `make notebooks` from the course's repository; edit nothing here. Each folder holds a
chapter's notebook and the data of its self-check.

```
python -m pip install --requirement binder/requirements.txt
python -m jupyter lab
```

Binder builds the same environment from `binder/`, and a JupyterHub whose image has it opens the
notebooks through nbgitpuller.
"""

COLAB_CELL = """# Only on Colab: the course's tools, and the data of this chapter's self-check.
%cd /content
![ -d course ] || git clone --quiet --depth 1 --branch {branch} {repository} course
%pip install --quiet course/{wheel}
%cd course/{chapter}"""


def make_notebooks(settings):
    """Fill FOLDER and DOWNLOADS; quick when both are up to date.

    Raises CourseError where a chapter cannot be released; what was there then stays.
    """
    chapters = known_chapters()
    if not chapters:
        return
    BUILD.mkdir(exist_ok=True)
    pages = [f"chapters/{chapter}.md" for chapter in chapters]
    sources = [*SOURCES, "chapters/references.bib", *pages]
    wanted = fingerprint(sources, ROOMS, [repr(settings)])
    with (BUILD / "notebooks.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not is_current(wanted):
            STAMP.unlink(missing_ok=True)
            make_anew(chapters, settings)
            STAMP.write_text(wanted)


def is_current(wanted):
    is_there = FOLDER.is_dir() and DOWNLOADS.is_dir() and STAMP.is_file()
    return is_there and STAMP.read_text() == wanted


def make_anew(chapters, settings):
    with tempfile.TemporaryDirectory(dir=BUILD) as work:
        new, downloads = Path(work, "notebooks"), Path(work, "downloads")
        release_into(new, chapters)
        wheel = build_wheel(new)
        add_environment(new, wheel, settings)
        add_colab_notebooks(new, wheel, chapters, settings)
        pack_downloads(new, wheel, chapters, downloads)
        _replace(new, FOLDER)
        _replace(downloads, DOWNLOADS)


def release_into(folder, chapters):
    """Release the chapters as `autograder release` does, several at a time, into `folder`."""
    folder.mkdir(exist_ok=True)
    workers = min(os.cpu_count(), len(chapters))
    with (
        tempfile.TemporaryDirectory(dir=folder.parent) as empty,
        ProcessPoolExecutor(workers, get_context("spawn")) as pool,
    ):
        Course.open(empty)  # nbgrader takes seconds to make a gradebook
        released = pool.map(partial(release_chapter, folder, empty), chapters)
        list(tqdm(released, "Releasing", total=len(chapters), unit="chapter"))


def release_chapter(folder, empty, chapter):
    """Release one chapter in a copy of an empty course, and copy what students get."""
    with tempfile.TemporaryDirectory(dir=folder.parent) as root:
        shutil.copytree(empty, root, dirs_exist_ok=True)
        course = Course.open(root)
        release(course, [chapter])
        shutil.copytree(course.folder("release", chapter), folder / chapter)


def build_wheel(folder):
    """Build the students' wheel into `folder`; returns its name, `wheel_name`'s."""
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel"]
    built = subprocess.run(
        [*command, "--directory", folder], cwd=ROOT, check=False, capture_output=True, text=True
    )
    if built.returncode != 0:
        raise CourseError(f"The wheel of the course's tools was not built:\n{built.stderr}")
    return next(folder.glob("*.whl")).name


def wheel_name():
    """The name of the wheel that `build_wheel` makes."""
    return f"seeing_with_gradients-{metadata.version('seeing-with-gradients')}-py3-none-any.whl"


def add_environment(folder, wheel, settings):
    """Write the files from which pip, Binder and a JupyterHub make the environment."""
    shutil.copy(ROOT / "constraints.txt", folder)
    lines = ["--constraint ../constraints.txt", f"./{wheel}"]
    if settings.torch_index:
        lines.insert(1, f"--extra-index-url={settings.torch_index}")
    (folder / "binder").mkdir()
    (folder / "binder/requirements.txt").write_text("\n".join(lines) + "\n")
    (folder / "binder/runtime.txt").write_text(f"python-{PYTHON}\n")
    (folder / "README.md").write_text(README)


def add_colab_notebooks(folder, wheel, chapters, settings):
    """Write each notebook once more, with a first cell that brings the course to Colab."""
    if not settings.repository:
        return
    (folder / COLAB_FOLDER).mkdir()
    for chapter in chapters:
        source = COLAB_CELL.format(
            branch=settings.branch, repository=settings.repository, wheel=wheel, chapter=chapter
        )
        notebook = nbformat.read(folder / notebook_path(chapter), as_version=4)
        notebook.cells.insert(0, v4.new_code_cell(source, id="colab"))
        write_notebook(notebook, folder / colab_path(chapter))


def pack_downloads(folder, wheel, chapters, downloads):
    """Zip each chapter, with its notebook and self-check data, and put the wheel beside."""
    downloads.mkdir()
    for chapter in chapters:
        with zipfile.ZipFile(downloads / f"{chapter}.zip", "w", zipfile.ZIP_DEFLATED) as archive:
            for file in sorted(path for path in (folder / chapter).rglob("*") if path.is_file()):
                entry = zipfile.ZipInfo(str(file.relative_to(folder)), EPOCH)
                entry.external_attr = 0o644 << 16
                archive.writestr(entry, file.read_bytes(), zipfile.ZIP_DEFLATED)
    shutil.copy(folder / wheel, downloads)


def _replace(new, old):
    shutil.rmtree(old, ignore_errors=True)
    old.parent.mkdir(parents=True, exist_ok=True)
    new.rename(old)


def main():
    try:
        make_notebooks(read_settings())
    except (CourseError, SettingsError) as error:
        sys.exit(f"The notebooks were not made. {error}")
    print(f"The notebooks are made: {FOLDER}")


if __name__ == "__main__":
    main()
