"""Build the website into _build/html, from nothing: `python site/build.py`.

Fetches the scripts, executes every chapter, takes warnings as errors, and refuses to publish an
answer or a page that loads something from another host. _build/html is replaced only by a site
that passed; the exit status is 0 only then.
"""

import shutil
import subprocess
import sys
from pathlib import Path

from published import course_answers, find_answers, find_foreign
from vendor_scripts import VendoringError, vendor_scripts

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "_build"
WORK = BUILD / "site"  # where Jupyter Book works; what is finished moves to PUBLISHED
PUBLISHED = BUILD / "html"


def main():
    try:
        vendor_scripts(BUILD / "extra/vendor")
    except VendoringError as error:
        sys.exit(f"The site was not built. {error}")
    run_jupyter_book()
    built = WORK / "_build/html"
    refuse(find_foreign(built) + find_answers(built, course_answers()))
    shutil.rmtree(PUBLISHED, ignore_errors=True)
    built.rename(PUBLISHED)
    shutil.rmtree(WORK)
    print(f"The site is built: {PUBLISHED / 'index.html'}")


def run_jupyter_book():
    """Execute and render all pages into WORK."""
    shutil.rmtree(WORK, ignore_errors=True)
    command = Path(sys.executable).with_name("jupyter-book")
    options = ["--path-output", WORK, "--all", "-W", "--keep-going", "--quiet"]
    # Its standard output names WORK as the place of the result; errors go to standard error.
    result = subprocess.run(
        [command, "build", ROOT, *options], check=False, stdout=subprocess.DEVNULL
    )
    if result.returncode != 0:
        sys.exit("The site was not built: see the errors above.")


def refuse(findings):
    """Stop, and keep what was published before, when there are findings."""
    if findings:
        sys.exit("The site was not published:\n" + "\n".join(f"- {each}" for each in findings))


if __name__ == "__main__":
    main()
