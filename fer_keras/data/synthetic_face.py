"""The strokes of one drawn face."""

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from fer_keras.data.faces import IMAGE_SIZE
from fer_keras.data.synthetic_person import sample_actions, sample_person

SUPERSAMPLING = 4


class _Pen:
    """Draws in face coordinates: x to the right and y down, the face's half width being 1."""

    def __init__(self, person):
        size = IMAGE_SIZE * SUPERSAMPLING
        self.image = Image.new("L", (size, size), int(person.background))
        self.draw = ImageDraw.Draw(self.image)
        self.unit = size * person.size
        self.centre = size * np.array([0.5 + person.shift_x, 0.48 + person.shift_y])
        cos, sin = np.cos(person.turn), np.sin(person.turn)
        self.rotation = np.array([[cos, sin], [-sin, cos]])
        self.look = np.array([person.yaw, person.pitch])

    def fill(self, points, grey):
        """Fill the polygon through `points`, an array `(n, 2)`."""
        self.draw.polygon(self._place(points), fill=int(grey))

    def line(self, points, grey, width):
        """Draw a line through `points`, `width` face units wide."""
        width = max(1, round(width * self.unit))
        self.draw.line(self._place(points), fill=int(grey), width=width, joint="curve")

    def _place(self, points):
        # Turning the head shifts what stands out of the face plane, as on a ball.
        points = points + _depth(points)[:, None] * self.look
        return (self.centre + self.unit * points @ self.rotation).ravel().tolist()

    def pixel_grid(self):
        """Return the face coordinates of the final pixels: an array `(48, 48, 2)`."""
        steps = (np.arange(IMAGE_SIZE) + 0.5) * SUPERSAMPLING
        pixels = np.stack(np.meshgrid(steps, steps), axis=-1)
        return (pixels - self.centre) / self.unit @ self.rotation.T


def _depth(points):
    return np.sqrt(np.maximum(0, 1 - points[..., 0] ** 2 - (points[..., 1] / 1.35) ** 2))


def _curve(start, control, end):
    """Return points `(7, 2)` along a quadratic Bezier curve."""
    t = np.linspace(0, 1, 7)[:, None]
    weights = np.concatenate([(1 - t) ** 2, 2 * t * (1 - t), t**2], axis=1)
    return weights @ np.array([start, control, end])


def _along(x, y):
    return np.stack([x, y], axis=1)


def _oval(x, y, half_width, half_height, num=16):
    angle = np.linspace(0, 2 * np.pi, num, endpoint=False)
    return _along(x + half_width * np.sin(angle), y - half_height * np.cos(angle))


def _between(x, upper, lower):
    """Return the outline of the region between two curves over the same `x`."""
    return np.concatenate([_along(x, upper), _along(x, lower)[::-1]])


def _mirrored(points):
    """Return a line that starts at the left, given its right half from the middle outwards."""
    right = np.array(points)
    return np.concatenate([right[::-1] * (-1, 1), right])


def _head_outline(person, actions):
    angle = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    down = np.maximum(0, -np.cos(angle))
    chin = person.chin + 0.14 * max(0, actions.jaw)
    x = np.sin(angle) * (1 - person.taper * down**2)
    return _along(x, np.where(down > 0, chin * down, -1.3 * np.cos(angle)))


def _draw_behind(pen, person):
    """Draw what the head covers: hair, neck and shoulders."""
    if person.style == "long":
        pen.fill(_oval(0, -0.1, 1.3, 1.4, 30), person.hair)
        sides = np.array([-1.3, 1.3])
        pen.fill(_between(sides, np.full(2, -0.2), np.full(2, person.hair_length)), person.hair)
    elif person.style == "curly":
        for number, (x, y) in enumerate(_oval(0, -0.45, 1.05, 0.95, 14)):
            pen.fill(_oval(x, y, 0.33, 0.33, 10), person.hair * (0.85, 1)[number % 2])
    pen.fill(_mirrored([(0.55, 0.5), (0.65, 1.7)]), 0.7 * person.skin)
    shoulders = _mirrored([(0, 1.7), (0.6, 1.45), (1.8, 1.75), (2.2, 2.4)])
    pen.fill(shoulders, person.cloth)


def _draw_head(pen, person, outline):
    for side in (-1, 1):
        pen.fill(_oval(side * 0.98, 0.05, 0.14, 0.27, 12), 0.85 * person.skin)
    pen.fill(outline * 1.02, 0.8 * person.skin)
    pen.fill(outline * 0.985, person.skin)
    if person.beard > 0 and person.style != "long":
        jaw = outline[outline[:, 1] > 0.1] * 0.99
        edge = _mirrored([(0, 0.47), (0.25, 0.48), (0.5, 0.58), (0.8, 0.35), (0.95, 0.1)])
        shade = (1 - person.beard) * 0.85 * person.skin + person.beard * person.hair
        pen.fill(np.concatenate([jaw[np.argsort(-jaw[:, 0])], edge]), shade)


def _draw_hair(pen, person, outline):
    if person.style == "bald":
        return
    line = person.hairline + 0.25 * (person.style == "fringe")
    top = outline[outline[:, 1] < -0.2] * (1.07, person.hair_volume)
    edge = _mirrored([(0, line), (0.72, line + 0.08), (0.9, -0.55), (1.03, -0.1)])
    edge[3:5] = (person.parting, line - 0.08)
    pen.fill(np.concatenate([top[np.argsort(-top[:, 0])], edge]), person.hair)
    for number, x in enumerate((-0.6, -0.2, 0.25, 0.65)):
        strand = _curve((0.7 * x, -1.2), (x, -1.15), (1.15 * x, line - 0.02))
        pen.line(strand, person.hair * (0.75, 1.15)[number % 2], 0.05)


def _draw_eye(pen, person, actions, side):
    x = np.linspace(-1, 1, 9)
    middle, width, height = side * person.eye_x, person.eye_width, person.eye_height
    upper = height * max(0.15, 1 + 0.75 * actions.lid - 0.3 * actions.cheek)
    lower = height * max(0.1, 0.6 + 0.2 * actions.lid - 0.4 * actions.cheek)
    top, bottom = person.eye_y - upper * (1 - x**2), person.eye_y + lower * (1 - x**2)
    across = middle + width * x
    pen.fill(_between(across, top, bottom), 115 + 0.5 * person.skin)
    iris_x, iris_y = middle + person.gaze_x, person.eye_y - 0.02 + person.gaze_y
    iris = _oval(iris_x, iris_y, person.iris, person.iris)
    arch = 1 - np.clip((iris[:, 0] - middle) / width, -1, 1) ** 2
    iris[:, 1] = np.clip(iris[:, 1], person.eye_y - upper * arch, person.eye_y + lower * arch)
    pen.fill(iris, person.iris_grey)
    pen.line(_along(across, top), 0.25 * person.skin, person.lash)
    pen.line(_along(across, bottom), 0.72 * person.skin, 0.03)
    fold = top - 0.07 + 0.05 * min(0, actions.lid)
    pen.line(_along(across, fold)[1:-1], 0.76 * person.skin, 0.03)


def _draw_brow(pen, person, actions, side):
    y = person.eye_y - person.brow_gap + 0.05 * actions.nose_wrinkle
    inner_x = person.eye_x - 0.24 + 0.05 * min(0, actions.brow_inner)
    inner = np.array([inner_x, y - 0.19 * actions.brow_inner])
    outer = np.array([person.eye_x + 0.3, y + 0.05 - 0.17 * actions.brow_outer])
    arch = 0.05 + 0.06 * (actions.brow_inner + actions.brow_outer)
    line = _curve(inner, (inner + outer) / 2 + (0.05, -person.brow_arch - arch), outer)
    half = person.brow_thickness * np.linspace(1, 0.45, len(line))
    grey = min(0.7 * person.hair + 0.12 * person.skin, 0.7 * person.skin)
    pen.fill(_between(side * line[:, 0], line[:, 1] - half, line[:, 1] + half), grey)


def _draw_nose(pen, person, actions):
    tip = person.nose_y - 0.05 * actions.nose_wrinkle
    width = person.nose_width * (1 + 0.2 * actions.nose_wrinkle)
    bridge = _curve((0.1, -0.15), (0.06, tip - 0.3), (width, tip - 0.08))
    pen.line(bridge * (np.sign(person.nose_side), 1), 0.84 * person.skin, 0.05)
    for side in (-1, 1):
        pen.fill(_oval(side * width * 0.55, tip + 0.01, 0.06, 0.032, 8), 0.45 * person.skin)
        wing = _curve((width, tip - 0.12), (width + 0.07, tip + 0.03), (0.8 * width, tip + 0.04))
        pen.line(wing * (side, 1), 0.7 * person.skin, 0.035)
    base = _curve((-0.3 * width, tip + 0.05), (0, tip + 0.08), (0.3 * width, tip + 0.05))
    pen.line(base, 0.7 * person.skin, 0.04)


def _draw_mouth(pen, person, actions):
    x = np.linspace(-1, 1, 15)
    arch, bow = 1 - x**2, np.sqrt(1 - x**2)
    opened, raised = max(0, actions.jaw - 0.05), max(0, actions.upper_lip)
    across = x * person.mouth_width * (1 + 0.38 * actions.stretch) * (1 - 0.15 * opened)
    lift = 0.2 * actions.corner * (1 + person.asymmetry * x)
    middle = person.mouth_y - 0.05 * actions.corner - lift * (x**2 - 0.35)
    top = middle - (0.13 * raised + 0.08 * opened) * arch
    bottom = middle + (0.05 * raised + 0.48 * opened) * bow
    lip = person.lip * (1 - 0.55 * np.clip(actions.press, -1, 1))
    cupid = arch * (1 - 0.3 * np.exp(-((x / 0.2) ** 2)))
    lips = _between(across, top - lip * cupid, bottom + 1.3 * lip * bow)
    pen.fill(lips, person.lip_grey * person.skin)
    if opened > 0 or raised > 0.25:
        pen.fill(_between(across, top, bottom), 30)
        teeth = np.minimum(bottom, top + person.teeth * (1 + max(0, actions.corner)))
        pen.fill(_between(across, top, teeth)[1:-1], 140 + 0.4 * person.skin)
    else:
        pen.line(_along(across, middle), 0.32 * person.skin, 0.05)
    for end in (0, -1):
        pen.fill(_oval(across[end], middle[end], 0.05, 0.05, 6), 0.6 * person.skin)


def _draw_creases(pen, person, actions):
    eye_y, nose_y = person.eye_y, person.nose_y
    mouth_x = person.mouth_width * (1 + 0.38 * actions.stretch) + 0.13
    fold = _curve((0.26, nose_y - 0.1), (mouth_x, nose_y), (mouth_x, person.mouth_y + 0.05))
    frown = np.array([(0.07, eye_y - 0.32), (0.06, eye_y - 0.1)])
    wrinkle = _curve((0.18, 0.1), (0.1, -0.04), (0, 0.04))
    bag = _curve((0.22, eye_y + 0.1), (person.eye_x, eye_y + 0.24), (0.62, eye_y + 0.1))
    crow = np.array([(0.72, eye_y - 0.06), (0.85, eye_y - 0.1)])
    brows = (actions.brow_inner + actions.brow_outer) / 2
    forehead = _curve((0, -0.84), (0.3, -0.82), (0.5, -0.76))
    step = np.array([0, 0.12])
    creases = (
        (fold, 0.7 * max(actions.corner, actions.upper_lip)),
        (frown, -actions.brow_inner),
        (wrinkle, actions.nose_wrinkle),
        (wrinkle + step, actions.nose_wrinkle),
        (bag, 0.7 * actions.cheek),
        (crow, actions.cheek),
        (forehead, 0.7 * brows),
        (forehead - step, 0.7 * brows),
    )
    for points, strength in creases:
        strength = min(1, max(0, person.age) + strength)
        for side in (-1, 1) if strength > 0.15 else ():
            pen.line(points * (side, 1), person.skin * (1 - 0.38 * strength), 0.045)


def _draw_glasses(pen, person):
    grey, radius = 0.2 * person.skin, 1.4 * person.eye_width
    for side in (-1, 1):
        ring = _oval(side * person.eye_x, person.eye_y + 0.02, radius, 0.85 * radius)
        pen.line(np.concatenate([ring, ring[:2]]), grey, 0.05)
        temple = np.array([(person.eye_x + radius, person.eye_y), (1, person.eye_y - 0.05)])
        pen.line(temple * (side, 1), grey, 0.05)
    gap = person.eye_x - radius
    bridge = _curve((-gap, person.eye_y), (0, person.eye_y - 0.08), (gap, person.eye_y))
    pen.line(bridge, grey, 0.05)


def _draw_hand(pen, person):
    side = np.sign(person.nose_side)
    x, y = 0.8 - 0.3 * person.parting, 0.9 - 0.4 * person.parting
    pen.fill(_oval(side * (x + 0.3), y + 0.7, 0.45, 0.6), 0.86 * person.skin)
    for number, reach in enumerate((0.55, 0.7, 0.75, 0.65)):
        base = np.array((x + 0.55 - 0.22 * number, y + 0.5))
        finger = np.stack([base, base - (0.15, reach)]) * (side, 1)
        pen.line(finger, 0.7 * person.skin, 0.24)
        pen.line(finger, 0.95 * person.skin, 0.18)
        pen.fill(_oval(*finger[1], 0.09, 0.09, 10), 0.95 * person.skin)


def _light(pen, person, actions):
    """Return the light `(48, 48)` on the picture: its direction, the head's roundness, hollows."""
    grid = pen.pixel_grid()
    depth = _depth(grid)
    light = 1 + np.clip(grid, -1.3, 1.3) @ (person.light_x, person.light_y)
    light += person.roundness * (depth - 0.6) * (depth > 0)
    x, y = np.moveaxis(grid - depth[..., None] * pen.look, -1, 0)
    cheek, chin = max(0, actions.cheek), person.mouth_y + 0.27 + 0.5 * max(0, actions.jaw)
    for amount, (middle_x, middle_y), (width, height) in (
        (-0.2, (person.eye_x - 0.03, person.eye_y - 0.08), (0.28, 0.2)),
        (0.08 + 0.1 * cheek, (0.55, 0.25 - 0.08 * cheek), (0.25, 0.2)),
        (0.12, (0, 0.15), (0.1, 0.3)),
        (-0.15, (0, chin), (0.25, 0.08)),
    ):
        distance = ((abs(x) - middle_x) / width) ** 2 + ((y - middle_y) / height) ** 2
        light += amount * np.exp(-distance)
    return light


def draw_face(rng, name):
    """Draw one face.

    Args:
        rng: NumPy random generator, which fixes every pixel.
        name: its class, one of `labels.CLASS_NAMES`.

    Returns:
        A uint8 array `(48, 48)`, grey levels 0-255.
    """
    actions, person = sample_actions(rng, name), sample_person(rng)
    pen, outline = _Pen(person), _head_outline(person, actions)
    _draw_behind(pen, person)
    _draw_head(pen, person, outline)
    _draw_nose(pen, person, actions)
    _draw_creases(pen, person, actions)
    _draw_mouth(pen, person, actions)
    for side in (-1, 1):
        _draw_eye(pen, person, actions, side)
        _draw_brow(pen, person, actions, side)
    _draw_hair(pen, person, outline)
    if person.glasses:
        _draw_glasses(pen, person)
    if person.hand:
        _draw_hand(pen, person)
    small = pen.image.reduce(SUPERSAMPLING).filter(ImageFilter.GaussianBlur(person.blur))
    image = np.asarray(small) * _light(pen, person, actions)
    image = 128 + person.contrast * (image - 128) + person.brightness
    image += rng.normal(0, person.noise, image.shape)
    return np.clip(np.rint(image), 0, 255).astype(np.uint8)
