"""The one exception that reports a user's bad input."""


class InputError(ValueError):
    """A bad input: one sentence saying what came, where, what is allowed and how to mend it."""

    def _render_traceback_(self):
        # IPython asks for this: in a notebook, the sentence stands alone, without a stack trace.
        return [f"InputError: {self}"]
