"""Addresses that start a chapter's notebook on Binder, Colab or a JupyterHub.

All take it from the branch that `make notebooks` fills (see site/notebook_folder.py).
"""

from urllib.parse import quote, urlencode, urlsplit

COLAB_FOLDER = "colab"  # notebooks with a first cell that installs the course


def launch_links(settings, chapter):
    """Pairs of (service, address), one for each service that the settings allow."""
    if not settings.repository:
        return []
    links = {
        "Binder": _binder(settings, chapter),
        "Colab": _colab(settings, chapter),
        "JupyterHub": _jupyterhub(settings, chapter),
    }
    return [(service, address) for service, address in links.items() if address]


def notebook_path(chapter):
    """Where a chapter's notebook lies in the branch."""
    return f"{chapter}/{chapter}.ipynb"


def colab_path(chapter):
    """Where the notebook that installs the course itself lies in the branch."""
    return f"{COLAB_FOLDER}/{chapter}.ipynb"


def _binder(settings, chapter):
    if not settings.binder:
        return ""
    lab = urlencode({"urlpath": f"lab/tree/{notebook_path(chapter)}"})
    return f"{settings.binder}/v2/{_binder_source(settings)}?{lab}"


def _binder_source(settings):
    """The repository and its branch, as Binder spells them for each host."""
    host, path = urlsplit(settings.repository).netloc, _path(settings)
    branch = quote(settings.branch, safe="")
    if host == "github.com":
        return f"gh/{path}/{branch}"
    if host == "gitlab.com":
        return f"gl/{quote(path, safe='')}/{branch}"
    return f"git/{quote(settings.repository, safe='')}/{branch}"


def _colab(settings, chapter):
    """Colab opens notebooks of GitHub's repositories only."""
    if not settings.colab or urlsplit(settings.repository).netloc != "github.com":
        return ""
    place = f"{_path(settings)}/blob/{quote(settings.branch)}/{colab_path(chapter)}"
    return f"{settings.colab}/github/{place}"


def _jupyterhub(settings, chapter):
    """nbgitpuller's link: it copies the branch into the user's home and opens the notebook."""
    if not settings.jupyterhub:
        return ""
    folder = _path(settings).rpartition("/")[2]
    query = {
        "repo": settings.repository,
        "branch": settings.branch,
        "urlpath": f"lab/tree/{folder}/{notebook_path(chapter)}",
    }
    return f"{settings.jupyterhub}/hub/user-redirect/git-pull?{urlencode(query)}"


def _path(settings):
    return urlsplit(settings.repository).path.strip("/").removesuffix(".git")
