"""Find places for labels and bars that cover no other face."""

from fer_keras.predict.detection import Box


class Layout:
    """What is taken in a picture: the faces, and what was placed beside them.

    Args:
        size: the picture's `(width, height)` in pixels.
        boxes: list of `Box`, the faces.
    """

    def __init__(self, size, boxes):
        self.width, self.height = size
        self._boxes, self._placed = boxes, []

    def place(self, size, candidates, own=None):
        """Take the first of several places that is free, and return it as a `Box`.

        A place is free if it meets no face and nothing placed before. Those that would leave the
        picture are first moved back into it.

        Args:
            size: `(width, height)` of what is to be placed.
            candidates: iterable of `(left, top)`, the best first.
            own: number of a face that it may meet.

        Returns:
            A `Box`, or `None` if no place is free.
        """
        if size[0] > self.width or size[1] > self.height:
            return None
        for left, top in candidates:
            left = min(max(left, 0), self.width - size[0])
            top = min(max(top, 0), self.height - size[1])
            if self._take(Box(left, top, *size), own):
                return self._placed[-1]
        return None

    def place_beyond(self, size, own):
        """Take a place right of the picture, and return it as a `Box`.

        No other face may lie between, or the label could seem to be that face's.

        Args:
            size: `(width, height)` of what is to be placed.
            own: number of the face that it belongs to.

        Returns:
            A `Box`, or `None` if no place is free.
        """
        box = self._boxes[own]
        top = min(max(box.top, 0), max(self.height - size[1], 0))
        place = Box(self.width, top, *size)
        between = Box(box.left, top, self.width + size[0] - box.left, size[1])
        free = size[1] <= self.height and not self._meets_others(between, own)
        return place if free and self._take(place, own) else None

    def _take(self, place, own):
        if self._meets_others(place, own) or any(map(place.overlap, self._placed)):
            return False
        self._placed.append(place)
        return True

    def _meets_others(self, place, own):
        others = (box for number, box in enumerate(self._boxes) if number != own)
        return any(map(place.overlap, others))


def beside(box, size):
    """Yield places right and left of a face.

    Args:
        box: the face's `Box`.
        size: `(width, height)` of what is to be placed.
    """
    tops = (box.top, box.top + box.height - size[1], box.top + (box.height - size[1]) // 2)
    for left in (box.left + box.width, box.left - size[0]):
        yield from ((left, top) for top in tops)


def below(box, size):
    """Yield places below and above a face.

    Args:
        box: the face's `Box`.
        size: `(width, height)` of what is to be placed.
    """
    for top in (box.top + box.height, box.top - size[1]):
        yield from ((left, top) for left in _lefts(box, size[0]))


def above(box, size):
    """Yield places for a label: above a face, within, below and beside it.

    Args:
        box: the face's `Box`.
        size: `(width, height)` of the label.
    """
    width, height = size
    bottom = box.top + box.height
    for top in (box.top - height, box.top, bottom, bottom - height):
        yield from ((left, top) for left in _lefts(box, width))
    for left in (box.left + box.width, box.left - width):
        yield from ((left, top) for top in (box.top, bottom - height))


def _lefts(box, width):
    return box.left, box.left + box.width - width, box.left + (box.width - width) // 2
