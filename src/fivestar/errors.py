"""Errors that are a user's to mend, told in one message and without a traceback."""


class InputError(Exception):
    """A file, a row or a setting that cannot be used as it is.

    The message names where (file, column, row), what, and how to mend it.
    """


class TooSlow(Exception):  # noqa: N818 - the training loop's word to whoever trains
    """Raised when the first steps of a fit show that the whole would take longer than allowed."""
