"""The settings of site/publishing.yml, and the version and date that pages carry."""

import os
import subprocess
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from urllib.parse import urlsplit

import yaml

ROOT = Path(__file__).resolve().parent.parent
SETTINGS = ROOT / "site/publishing.yml"
PUBLISHED = ROOT / "_build/html"
DOWNLOADS = ROOT / "_build/downloads"  # students' notebooks, which the site serves
SOURCES = ("_config.yml", "_toc.yml", "constraints.txt", "pyproject.toml")
ROOMS = ("chapters", "solutions", "autograder", "course_lib", "site")
ADDRESSES = ("site_url", "repository", "binder", "colab", "jupyterhub", "torch_index")


class SettingsError(Exception):
    """A setting cannot be used; the message names it and says what to write."""


@dataclass(frozen=True)
class Settings:
    """Where the course is published; empty where it is not. Addresses end without a slash."""

    site_url: str = ""
    repository: str = ""
    branch: str = "notebooks"
    binder: str = ""
    colab: str = ""
    jupyterhub: str = ""
    torch_index: str = ""

    def page_url(self, path):
        """The full address of a file of the site, or an empty string."""
        return f"{self.site_url}/{path}" if self.site_url else ""


def read_settings(path=SETTINGS, environment=os.environ):
    """The file's settings, each replaced by the variable COURSE_<NAME> where that is set.

    Raises SettingsError for an unknown name and for an address that is none.
    """
    written = yaml.safe_load(Path(path).read_text(encoding="utf-8")) or {}
    names = [field.name for field in fields(Settings)]
    if unknown := sorted(written.keys() - set(names)):
        known = ", ".join(names)
        raise SettingsError(f"{path} has no setting {', '.join(unknown)}; there are: {known}.")
    values = {
        name: environment.get(f"COURSE_{name.upper()}") or written.get(name) for name in names
    }
    return Settings(**{name: _checked(name, value) for name, value in values.items()})


def _checked(name, value):
    value = str(value or "").strip().rstrip("/")
    if value and name in ADDRESSES:
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.netloc or parts.query:
            raise SettingsError(
                f"The setting {name} is {value!r}; write a whole address that begins with "
                "https://, or leave it empty."
            )
    return value


def pages_of(built):
    """The files of the book's pages, without those that only lead to where a page has moved."""
    files = sorted(built.glob("chapters/*.html"))
    return [file for file in files if 'http-equiv="refresh"' not in file.read_text("utf-8")[:1000]]


def source_date(paths, environment=os.environ):
    """The day on which `paths` were last committed, and whether they were edited since.

    SOURCE_DATE_EPOCH takes precedence. Returns (date, bool); (None, False) outside a checkout.
    """
    if seconds := environment.get("SOURCE_DATE_EPOCH"):
        return datetime.fromtimestamp(int(seconds), UTC).date(), False
    seconds = _git("log", "-1", "--format=%ct", "--", *paths)
    if not seconds:
        return None, False
    edited = bool(_git("status", "--porcelain", "--", *paths))
    return datetime.fromtimestamp(int(seconds), UTC).date(), edited


def _git(*arguments):
    """What git says about the course's own checkout; nothing where there is none, or no git."""
    if not (ROOT / ".git").exists():
        return ""
    try:
        said = subprocess.run(
            ["git", "-C", ROOT, *arguments], check=False, capture_output=True, text=True
        )
    except OSError:
        return ""
    return said.stdout.strip() if said.returncode == 0 else ""


def version_line(date, edited):
    """The footer's sentence."""
    version = metadata.version("seeing-with-gradients")
    if date is None:
        return f"Version {version}, undated: it was built outside its repository."
    day = f"{date.day} {date:%B %Y}"
    return f"Version {version} of {day}{', edited since' if edited else ''}."
