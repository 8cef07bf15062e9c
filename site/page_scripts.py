"""Scripts of the theme that need not hold up a page."""

import re

BLOCKING = re.compile(r'<script(?![^>]*\b(?:defer|async)\b)(?=[^>]*\bsrc=)(?![^>]*documentation_options)')


def defer_scripts(html):
    """Let every script wait for the page, but the settings that scripts within the page add to."""
    return BLOCKING.sub("<script defer", html)
