class PageError(Exception):
    """A page cannot be published; the message says which and what to do."""
