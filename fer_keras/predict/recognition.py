"""What `notebooks/predict.ipynb` shows: what a trained network says of pictures, and how sure."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import matplotlib.image
import pandas as pd
from PIL import Image

from fer_keras.data.synthetic import draw_faces
from fer_keras.predict import photos
from fer_keras.reporting import figures as plots
from fer_keras.reporting.notebook import project_path
from fer_keras.utils.errors import InputError

NUM_DRAWN = 12
NUM_SHOWN, COLUMNS = 12, 3
PANEL_INCHES = 2.9, 2.2


@dataclass(frozen=True)
class Settings:
    """What a user can set about recognising expressions.

    Args:
        network: a run directory, or one of `shipped.SHIPPED`.
        pictures: picture file or folder of pictures; empty: drawn faces.
        whole_image: whether each picture is one face, not to be looked for.
        output: folder for the table and the annotated copies.

    Raises:
        InputError: if a value is impossible.
    """

    network: str = "best"
    pictures: str = ""
    whole_image: bool = False
    output: str = "runs"

    def __post_init__(self):
        for name in ("network", "pictures", "output"):
            if not isinstance(getattr(self, name), str):
                raise InputError(f"{name} is {getattr(self, name)!r}; give a path or name as text.")

    def recognise(self):
        """Recognise the faces of all pictures.

        Returns:
            The `Path` of the table, as `photos.predict` returns it.
        """
        directory = project_path(self.output) / "predict"
        pictures = project_path(self.pictures) if self.pictures else _drawn(directory / "drawn")
        out = directory / datetime.now().strftime("%Y-%m-%d_%H-%M-%S")
        return photos.predict(self.network, [pictures], out, self.whole_image)


def read_table(path):
    """Return the table of faces for people: a DataFrame with short file names."""
    table = pd.read_csv(path)
    return table.assign(file=[Path(name).name for name in table["file"]]).drop(columns="copy")


def copies(path):
    """Draw the first annotated copies of a table.

    Args:
        path: the table, as `Settings.recognise` returned it.

    Returns:
        A `Figure` of up to `NUM_SHOWN` pictures.

    Raises:
        InputError: if the table has none: no picture showed a face.
    """
    table = pd.read_csv(path).dropna(subset="copy")
    if table.empty:
        raise InputError("No picture showed a face; set whole_image if each is a face alone.")
    shown = table.groupby("copy", sort=False)["class"].agg(", ".join).head(NUM_SHOWN)
    rows = -(-len(shown) // COLUMNS)
    figure, panels = plots.panel_grid(rows, COLUMNS, *PANEL_INCHES)
    for panel in panels.flat:
        panel.axis("off")
    for panel, name in zip(panels.flat, shown.index, strict=False):
        panel.imshow(matplotlib.image.imread(path.with_name(name)))
        panel.set_title(name, fontsize=9)
    figure.set_gid(plots.SHOWS_FACES)
    said = "; ".join(f"{name}: {classes}" for name, classes in shown.items())
    figure.set_label(f"Pictures with the expressions that the network names. {said}.")
    return figure


def _drawn(folder):
    """Draw faces into a folder, one picture each, named by number and expression."""
    faces = draw_faces(NUM_DRAWN, seed=0)
    folder.mkdir(parents=True, exist_ok=True)
    for number, (image, label) in enumerate(zip(faces.images, faces.labels), 1):
        Image.fromarray(image).save(folder / f"{number:02}_{faces.class_names[label]}.png")
    return folder
