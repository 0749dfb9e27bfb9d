"""A picture of the faces that were found, a row for each class."""

import heapq

from PIL import Image, ImageDraw

from fer_keras.predict.detection import crop
from fer_keras.predict.overlay import BACKGROUND, TEXT_COLOUR, as_jpeg, load_font, short
from fer_keras.utils.files import write_bytes

FACES_A_CLASS = 12
CELL, LABEL, GAP, TITLE = 112, 22, 4, 150  # pixels


class ContactSheet:
    """Keeps the surest faces of each class, and draws them.

    Args:
        class_names: sequence of str, the class of each probability.
    """

    def __init__(self, class_names):
        self._class_names = class_names
        self._counts = [0] * len(class_names)
        self._surest = [[] for _ in class_names]

    def add(self, found):
        """Take in the faces of a picture.

        Args:
            found: a `Recognition`.
        """
        for face in found.faces:
            self._counts[face.best] += 1
            # The running number decides between equals, because pictures have no order.
            entry = (float(face.probabilities[face.best]), -sum(self._counts))
            heap = self._surest[face.best]
            if len(heap) < FACES_A_CLASS or entry > heap[0][:2]:
                cell = Image.fromarray(crop(found.pixels, face.box)).resize((CELL, CELL))
                heapq.heappush(heap, (*entry, cell))
            if len(heap) > FACES_A_CLASS:
                heapq.heappop(heap)

    def write(self, path):
        """Write the sheet as a JPEG file.

        Args:
            path: the file.
        """
        shown = [number for number, count in enumerate(self._counts) if count]
        columns = max(len(self._surest[number]) for number in shown)
        height = CELL + LABEL + 2 * GAP
        size = TITLE + columns * (CELL + GAP) + GAP, len(shown) * height
        sheet = Image.new("RGB", size, BACKGROUND)
        draw = ImageDraw.Draw(sheet)
        for row, number in enumerate(shown):
            top = row * height + GAP
            title = f"{short(self._class_names[number])}\n{self._counts[number]}"
            draw.text((2 * GAP, top + CELL // 2), title, TEXT_COLOUR, load_font(13), anchor="lm")
            for column, (share, _, cell) in enumerate(sorted(self._surest[number])[::-1]):
                left = TITLE + column * (CELL + GAP)
                sheet.paste(cell, (left, top))
                label = (left + CELL // 2, top + CELL + LABEL // 2)
                draw.text(label, f"{100 * share:.0f} %", TEXT_COLOUR, load_font(13), anchor="mm")
        write_bytes(path, as_jpeg(sheet, quality=90))
