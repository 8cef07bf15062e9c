"""Scripts of the theme that need not hold up a page."""

import re

WAITS = re.compile(r"<script(?![^>]*\b(?:defer|async)\b)(?=[^>]*\bsrc=)")
SETTINGS = re.compile(r'<script src="(?:\.\./)*_static/(documentation_options\.js)[^"]*"></script>')


def free_scripts(html, folder):
    """Let every script wait for the page; the settings, which scripts within the page add to, are
    written into it."""
    settings = (folder / "_static/documentation_options.js").read_text(encoding="utf-8")
    html = SETTINGS.sub(lambda match: f"<script>{settings}</script>", html)
    return WAITS.sub("<script defer", html)
