"""The one exception that reports a user's bad input."""


class InputError(ValueError):
    """A bad input, told in one sentence: what came, where, what is allowed, how to mend it."""

    def _render_traceback_(self):
        # IPython calls this, so that a notebook shows the sentence without a stack trace.
        return [f"InputError: {self}"]
