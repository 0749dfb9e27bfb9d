"""The validation accuracy of the running training, a figure in a notebook."""

import io
import time

SHARE_OF_TIME = 0.02
"""How much of a training's time drawing may take."""


class LiveCurve:
    """A small figure, updated in place: accuracy by epoch.

    It holds all runs so far, an arm in one colour; the running one is a thick line. Where nothing
    is set aside for validation, it is the training accuracy.
    """

    def __init__(self):
        self.runs, self.shown, self.quiet_until = {}, None, 0.0

    def draw(self, arm, title, rows, at_once=False):
        """Draw the figure again, unless it was drawn a moment ago.

        Args:
            arm: str; its runs have one colour.
            title: str, what the running training is called.
            rows: list of dicts, one an epoch: `epoch` from 1, `accuracy` and perhaps
                `val_accuracy`, in 0-1.
            at_once: bool, whether to draw it in any case.
        """
        from IPython.display import Image, display  # here, for clusters need no notebooks

        self.runs[title] = arm, rows
        began = time.perf_counter()
        if began < self.quiet_until and not at_once:
            return
        picture = Image(self._png(title), alt=f"Accuracy by epoch of {title}, so far.")
        if self.shown is None:  # it took long, for matplotlib was loaded; the next does not
            self.shown = display(picture, display_id=True)
            return
        self.shown.update(picture)
        took = time.perf_counter() - began
        self.quiet_until = began + took / SHARE_OF_TIME

    def _png(self, running):
        file = io.BytesIO()
        self.figure(running).savefig(file, format="png", dpi=100)
        return file.getvalue()

    def figure(self, running):
        """Return the curves of all runs so far.

        Args:
            running: str, what the running training is called.

        Returns:
            A matplotlib `Figure`.
        """
        from matplotlib.figure import Figure

        arms = list(dict.fromkeys(arm for arm, _ in self.runs.values()))
        figure = Figure(figsize=(5, 2.4), layout="constrained")
        axes = figure.add_subplot()
        named = {self.runs[running][0]}
        for title, (arm, rows) in self.runs.items():
            name = "val_accuracy" if "val_accuracy" in rows[-1] else "accuracy"
            is_running = title == running
            label = title if is_running else None if arm in named else arm
            named.add(arm)
            axes.plot(
                [row["epoch"] for row in rows],
                [row[name] for row in rows],
                f"C{arms.index(arm) % 10}",
                marker="." if is_running else None,
                linewidth=2 if is_running else 0.8,
                alpha=1 if is_running else 0.5,
                label=label,
            )
        axes.set(xlabel="epoch", ylabel="validation accuracy" if name != "accuracy" else name)
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.legend(loc="lower right", frameon=False)
        return figure
