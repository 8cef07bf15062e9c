"""Build the website into _build/html, from nothing: `python site/build.py`.

Fetches the scripts, makes the students' notebooks, executes every chapter, takes warnings as
errors, makes the pages light, and refuses to publish an answer, a broken link, or a page that loads
something from another host. _build/html is replaced only by a site that passed; the exit status is
0 only then. `--edition solutions` adds the answers to a copy of it, _build/html-solutions.
"""

import argparse
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

from export_graph import build_lab, export_networks
from fingerprint import fingerprint
from finish_pages import finish_pages
from links import find_broken_links
from notebook_folder import make_notebooks
from page_error import PageError
from published import course_answers, find_answers, find_foreign
from publishing import DOWNLOADS, PUBLISHED, ROOMS, ROOT, SOURCES, SettingsError, read_settings
from search_engines import add_files_for_search_engines
from solutions_edition import make_solutions_edition
from vendor_scripts import VendoringError, vendor_scripts

from autograder.errors import CourseError

BUILD = ROOT / "_build"
WORK = BUILD / "site"  # where Jupyter Book works; what is finished moves to PUBLISHED
SOLUTIONS = BUILD / "html-solutions"
STAMP = BUILD / "html.stamp"  # says of which sources PUBLISHED was made


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--if-changed", action="store_true", help="not if nothing was edited since")
    parser.add_argument(
        "--edition",
        choices=("public", "solutions"),
        default="public",
        help="solutions: make the public one first if anything was edited, and add the answers",
    )
    options = parser.parse_args()
    try:
        build_public(read_settings(), options.if_changed or options.edition == "solutions")
        if options.edition == "solutions":
            make_solutions_edition(PUBLISHED, SOLUTIONS)
    except (CourseError, SettingsError, VendoringError) as error:
        sys.exit(f"The site was not built. {error}")
    folder = SOLUTIONS if options.edition == "solutions" else PUBLISHED
    print(f"The site is built: {folder / 'index.html'}")


def build_public(settings, if_changed):
    """Build the edition without solutions, or see that it is current."""
    sources = fingerprint(SOURCES, ROOMS, [repr(settings)])
    if if_changed and STAMP.is_file() and STAMP.read_text() == sources:
        return
    STAMP.unlink(missing_ok=True)
    build(settings)
    STAMP.write_text(sources)


def build(settings):
    """Replace the published site by a new one, or exit and say why."""
    beside = ThreadPoolExecutor(1)  # more at a time only get in each other's way
    try:
        made = [beside.submit(make_notebooks, settings), beside.submit(export_networks)]
        vendor_scripts(BUILD / "extra/vendor")
        run_jupyter_book()
        for each in made:
            each.result()
    finally:
        beside.shutdown(wait=False, cancel_futures=True)  # an error is said at once
    built = WORK / "_build/html"
    shutil.copytree(DOWNLOADS, built / "notebooks", dirs_exist_ok=True)
    build_lab(built / "lab")
    try:
        finish_pages(built)
    except PageError as error:
        sys.exit(f"The site was not published. {error}")
    add_files_for_search_engines(built, settings)
    refuse(find_foreign(built) + find_answers(built, course_answers()) + find_broken_links(built))
    shutil.rmtree(PUBLISHED, ignore_errors=True)
    built.rename(PUBLISHED)
    shutil.rmtree(WORK)


def run_jupyter_book():
    """Execute and render all pages into WORK."""
    shutil.rmtree(WORK, ignore_errors=True)
    command = [sys.executable, ROOT / "site/book.py"]
    options = ["--path-output", WORK, "--all", "-W", "--keep-going", "--quiet"]
    print("Executing all pages: this takes some minutes.", flush=True)
    # Its standard output names WORK as the place of the result; errors go to standard error.
    result = subprocess.run(
        [*command, "build", ROOT, *options],
        check=False,
        stdout=subprocess.DEVNULL,
        # Several pages run at a time, and torch's threads would only be in each other's way.
        env={"OMP_NUM_THREADS": "1", **os.environ, "IPYTHONDIR": str(ipython_folder())},
    )
    if result.returncode != 0:
        sys.exit("The site was not built: see the errors above.")


def ipython_folder():
    """Kernels' settings, so that nobody's own change the pages; and no warning of each kernel
    that it talks over this machine's loopback."""
    profile = WORK / "ipython/profile_default"
    profile.mkdir(parents=True)
    (profile / "ipython_kernel_config.py").write_text("get_config().IPKernelApp.log_level = 40\n")
    return profile.parent


def refuse(findings):
    """Stop, and keep what was published before, when there are findings."""
    if findings:
        sys.exit("The site was not published:\n" + "\n".join(f"- {each}" for each in findings))


if __name__ == "__main__":
    main()
