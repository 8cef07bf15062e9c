"""The one exception that the command line prints as a sentence."""


class CourseError(Exception):
    """Something a person has to put right; its text says what is wrong and what to do."""
