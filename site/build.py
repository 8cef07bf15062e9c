"""Build the website into _build/html, from nothing: `python site/build.py`.

Fetches the scripts, executes every chapter, takes warnings as errors, and refuses to publish an
answer or a page that loads something from another host. _build/html is replaced only by a site
that passed; the exit status is 0 only then.
"""

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from export_graph import build_lab
from published import course_answers, find_answers, find_foreign
from vendor_scripts import VendoringError, vendor_scripts

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "_build"
WORK = BUILD / "site"  # where Jupyter Book works; what is finished moves to PUBLISHED
PUBLISHED = BUILD / "html"
STAMP = BUILD / "html.stamp"  # says of which sources PUBLISHED was made
SOURCES = ("_config.yml", "_toc.yml", "constraints.txt", "pyproject.toml")
ROOMS = ("chapters", "solutions", "autograder", "course_lib", "site")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--if-changed", action="store_true", help="not if nothing was edited since")
    sources = fingerprint()
    is_current = STAMP.is_file() and STAMP.read_text() == sources
    if not (parser.parse_args().if_changed and is_current):
        STAMP.unlink(missing_ok=True)
        build()
        STAMP.write_text(sources)
    print(f"The site is built: {PUBLISHED / 'index.html'}")


def fingerprint():
    """A hash of everything that the site is made of, the versions of packages included."""
    in_rooms = [file for room in ROOMS for file in (ROOT / room).rglob("*")]
    digest = hashlib.sha256()
    for file in sorted([ROOT / name for name in SOURCES] + in_rooms):
        if file.is_file() and "__pycache__" not in file.parts:
            digest.update(f"{file.relative_to(ROOT)}\n".encode() + file.read_bytes())
    return digest.hexdigest()


def build():
    """Replace the published site by a new one, or exit and say why."""
    try:
        vendor_scripts(BUILD / "extra/vendor")
    except VendoringError as error:
        sys.exit(f"The site was not built. {error}")
    build_lab(BUILD / "extra/lab")
    run_jupyter_book()
    built = WORK / "_build/html"
    refuse(find_foreign(built) + find_answers(built, course_answers()))
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
        env={**os.environ, "IPYTHONDIR": str(ipython_folder())},
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
