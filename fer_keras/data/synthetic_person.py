"""What one drawn face shows: how far its parts move, and looks, pose and light."""

from types import SimpleNamespace
from typing import NamedTuple

import numpy as np


class Actions(NamedTuple):
    """How far the parts of a face move (after the Facial Action Coding System); 0 is rest."""

    brow_inner: float = 0  # raised; negative: lowered
    brow_outer: float = 0
    lid: float = 0  # upper lid raised; negative: drooping
    cheek: float = 0  # raised, which squeezes the eye from below
    nose_wrinkle: float = 0
    upper_lip: float = 0  # raised
    corner: float = 0  # mouth corners raised; negative: pulled down
    stretch: float = 0  # mouth widened; negative: rounded
    press: float = 0  # lips tightened
    jaw: float = 0  # dropped


EXPRESSIONS = {
    "angry": Actions(-1, 0.2, 0.1, 0.3, 0.3, 0.1, -0.3, -0.1, 0.9, 0.1),
    "disgust": Actions(-0.6, -0.3, -0.4, 0.8, 1, 1, -0.4, -0.1, 0, 0.15),
    "fear": Actions(0.9, 0.3, 0.8, 0, 0, 0.2, -0.3, 0.5, 0, 0.4),
    "happy": Actions(0.1, 0.1, -0.1, 0.8, 0, 0.1, 1, 0.6, 0, 0.3),
    "sad": Actions(0.8, -0.5, -0.5, 0.1, 0, 0, -0.8, -0.1, 0.3, 0),
    "surprise": Actions(0.9, 1, 0.9, 0, 0, 0, 0, -0.5, -0.3, 0.9),
    "neutral": Actions(),
}

LOOKALIKES = {
    "angry": ("disgust", "sad", "neutral"),
    "disgust": ("angry", "angry", "sad"),
    "fear": ("surprise", "surprise", "sad"),
    "happy": ("neutral", "neutral", "surprise"),
    "sad": ("neutral", "fear", "angry"),
    "surprise": ("fear", "fear", "happy"),
    "neutral": ("sad", "sad", "angry"),
}
"""What people mistake each expression for, and so what is mixed into it."""

# Lengths are in half face widths, shades in grey levels or as a share of the skin's.
RANGES = {
    "skin": (100, 215),
    "hair": (0.35, 1),
    "hairline": (-0.95, -0.68),
    "hair_length": (0.9, 1.8),
    "hair_volume": (1.05, 1.22),
    "parting": (-0.6, 0.6),
    "taper": (0.08, 0.3),
    "chin": (1.18, 1.38),
    "age": (-0.4, 0.4),
    "beard": (-3, 1),
    "eye_x": (0.38, 0.46),
    "eye_y": (-0.25, -0.15),
    "eye_width": (0.17, 0.23),
    "eye_height": (0.085, 0.125),
    "iris": (0.085, 0.11),
    "iris_grey": (10, 80),
    "lash": (0.03, 0.07),
    "brow_gap": (0.24, 0.32),
    "brow_arch": (0.02, 0.12),
    "brow_thickness": (0.03, 0.075),
    "nose_y": (0.28, 0.38),
    "nose_width": (0.14, 0.22),
    "nose_side": (-1, 1),
    "mouth_y": (0.64, 0.74),
    "mouth_width": (0.34, 0.46),
    "lip": (0.045, 0.1),
    "lip_grey": (0.5, 0.8),
    "teeth": (0.06, 0.14),
    "cloth": (15, 240),
    "background": (10, 245),
    "size": (0.37, 0.41),
    "roundness": (0.1, 0.35),
    "blur": (0, 0.8),
    "noise": (0.5, 4),
    "contrast": (0.85, 1.1),
}
"""The smallest and greatest value of what differs evenly from picture to picture."""

SPREADS = {
    "gaze_x": 0.035,
    "gaze_y": 0.012,
    "asymmetry": 0.2,
    "yaw": 0.08,
    "pitch": 0.04,
    "turn": 0.06,
    "shift_x": 0.012,
    "shift_y": 0.012,
    "light_x": 0.12,
    "light_y": 0.06,
    "brightness": 8,
}
"""The standard deviation of what differs about zero."""

HAIR_STYLES = {"short": 0.35, "fringe": 0.15, "long": 0.27, "curly": 0.13, "bald": 0.1}


def sample_actions(rng, name):
    """Return the `Actions` of one face: the expression, weak or strong, uneven and mixed."""
    lookalike = EXPRESSIONS[rng.choice(LOOKALIKES[name])]
    mixed = max(0, rng.normal(0, 0.15))
    actions = (1 - mixed) * np.array(EXPRESSIONS[name]) + mixed * np.array(lookalike)
    uneven = rng.uniform(0.7, 1.3, len(actions))
    uneven[-1] = rng.uniform(0.4, 1.6)  # The same expression comes with an open and a closed mouth.
    strength = 1.3 * rng.beta(6, 1.5)
    return Actions(*(strength * uneven * actions + rng.normal(0, 0.07, len(actions))))


def sample_person(rng):
    """Return the looks, pose and light of one picture."""
    person = {name: rng.uniform(*limits) for name, limits in RANGES.items()}
    person |= {name: rng.normal(0, spread) for name, spread in SPREADS.items()}
    person["style"] = rng.choice(list(HAIR_STYLES), p=list(HAIR_STYLES.values()))
    person["glasses"], person["hand"] = rng.random(2) < (0.12, 0.06)
    person["hair"] = person["skin"] * person["hair"] ** 3
    return SimpleNamespace(**person)
