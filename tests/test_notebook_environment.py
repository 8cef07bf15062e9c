"""The environment that Binder and a JupyterHub would build, and Colab's first cell."""

import shutil
import subprocess
import sys

import nbformat
import notebook_folder
import pytest
from publishing import Settings

CHAPTER = "image_gradients"
UNFINISHED = {"NotImplementedError", "NameError"}  # a stub, and cells that need what it gives
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The folder of notebooks with one chapter, also as a repository with its branch."""
    root = tmp_path_factory.mktemp("published")
    folder = root / "notebooks"
    settings = Settings(repository=str(folder))
    notebook_folder.release_into(folder, [CHAPTER])
    wheel = notebook_folder.build_wheel(folder)
    notebook_folder.add_environment(folder, wheel, settings)
    notebook_folder.add_colab_notebooks(folder, wheel, [CHAPTER], settings)
    git = ["git", "-c", "user.name=A", "-c", "user.email=a@example.org", "-C", folder]
    for command in (["init", "--quiet", "--initial-branch", "notebooks"], ["add", "--all"]):
        subprocess.run([*git, *command], check=True)
    subprocess.run([*git, "commit", "--quiet", "--message", "Notebooks"], check=True)
    return folder


@pytest.fixture(scope="module")
def python(folder):
    """The Python of a fresh environment, made as binder/ says."""
    environment = folder.parent / "environment"
    subprocess.run([sys.executable, "-m", "venv", environment], check=True)
    python = environment / "bin/python"
    install = [python, "-m", "pip", "install", "--quiet", "--requirement"]
    subprocess.run([*install, "binder/requirements.txt"], cwd=folder, check=True)
    return python


def execute(python, notebook):
    """Run all cells, also behind those that fail; returns the notebook with its outputs."""
    command = [python, "-m", "jupyter", "nbconvert", "--to", "notebook", "--inplace"]
    subprocess.run(
        [*command, "--execute", "--allow-errors", notebook],
        check=True,
        env={"PATH": f"{python.parent}:/usr/bin:/bin", "HOME": str(notebook.parent)},
    )
    return nbformat.read(notebook, as_version=4)


def failures(notebook):
    """Names of the errors that cells ended with."""
    outputs = (output for cell in notebook.cells for output in cell.get("outputs", ()))
    return {output.ename for output in outputs if output.output_type == "error"}


def verdicts(notebook):
    """What the checks said."""
    cells = {cell.id: cell for cell in notebook.cells}
    return [
        output.data["text/plain"]
        for name, cell in cells.items()
        if name.startswith("check_")
        for output in cell.outputs
        if "data" in output
    ]


def test_a_fresh_environment_runs_the_untouched_notebook_and_its_checks(folder, python):
    copy = shutil.copytree(folder / CHAPTER, folder.parent / CHAPTER)
    notebook = execute(python, copy / f"{CHAPTER}.ipynb")
    assert failures(notebook) <= UNFINISHED
    said = verdicts(notebook)
    assert said and all("Not written yet" in verdict for verdict in said)


def test_colabs_notebook_brings_the_course_along(folder, python):
    content = folder.parent / "content"
    content.mkdir()
    source = (folder / f"colab/{CHAPTER}.ipynb").read_text(encoding="utf-8")
    notebook = content / "opened.ipynb"
    notebook.write_text(source.replace("/content", str(content)), encoding="utf-8")
    done = execute(python, notebook)
    assert failures(done) <= UNFINISHED
    said = verdicts(done)
    assert said and all("Not written yet" in verdict for verdict in said)
    assert (content / "course" / CHAPTER / "checks").is_dir()
