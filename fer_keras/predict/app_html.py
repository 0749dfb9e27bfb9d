"""The HTML of what `fer-keras app` shows: faces, bars and words."""

import base64
from html import escape

import numpy as np
from PIL import Image, ImageDraw

from fer_keras.predict.confidence import meaning, overall
from fer_keras.predict.detection import crop
from fer_keras.predict.overlay import BACKGROUND, BOX_COLOUR, as_jpeg, load_font

SHOWN_SIDE, FACE_SIDE = 960, 144  # pixels of the picture and of a face
MAX_FACES = 6
HEAT = 0.8  # weight of the hottest part over the face

CSS = """
.fk-notice {border-left: 4px solid #d55e00; padding: .4rem .8rem; border-radius: 4px;
  font-size: .9rem; line-height: 1.4; background: var(--background-fill-secondary)}
.fk-notice p {margin: 0}
.fk-picture img {width: 100%; max-height: 46vh; object-fit: contain; border-radius: 6px}
.fk-face {display: grid; grid-template-columns: 110px 1fr; gap: .4rem 1.2rem; padding: 0 0 1.2rem}
.fk-face > img {width: 110px; border-radius: 6px}
.fk-face h3 {margin: 0; font-size: 1.2rem; grid-column: 1 / -1}
.fk-pair {display: grid; grid-template-columns: repeat(auto-fit, minmax(230px, 1fr)); gap: 1.4rem}
.fk-message + .fk-pair {margin-top: .8rem}
.fk-network h4, .fk-heading {margin: 0; font-size: 1.1rem}
.fk-small {margin: 0; font-size: .85rem; line-height: 1.4; opacity: .8}
.fk-row {display: grid; grid-template-columns: 5.2rem 1fr 3.2rem; gap: .5rem; align-items: center;
  font-size: 1rem; line-height: 1.6}
.fk-row.fk-best {font-weight: 700}
.fk-name {overflow: hidden; text-overflow: ellipsis; white-space: nowrap}
.fk-track {height: .85rem; border-radius: 3px; background: var(--border-color-primary)}
.fk-bar {display: block; height: 100%; border-radius: 3px; background: #7fb2d6}
.fk-best .fk-bar {background: #0072b2}
.fk-value {text-align: right; font-variant-numeric: tabular-nums}
.fk-heat {display: flex; gap: .8rem; align-items: center; margin-top: .6rem}
.fk-heat img {width: 144px; border-radius: 6px}
.fk-message {margin: 0; font-size: 1.05rem; white-space: pre-line}
@media (max-width: 600px) {.fk-face {grid-template-columns: 1fr} .fk-face > img {width: 84px}}
footer {display: none !important}
"""


def picture_html(pixels, faces):
    """Return a picture with its faces numbered.

    Args:
        pixels: uint8 array `(height, width, 3)`.
        faces: list of `Box`.
    """
    scale = min(1, SHOWN_SIDE / max(pixels.shape[:2]))
    size = [max(1, round(side * scale)) for side in pixels.shape[1::-1]]
    picture = Image.fromarray(pixels).resize(size)
    draw = ImageDraw.Draw(picture)
    for number, box in enumerate(faces, 1):
        left, top, width, height = (round(value * scale) for value in box)
        corners = (left, top, left + width, top + height)
        draw.rectangle(corners, outline=BACKGROUND, width=5)
        draw.rectangle([corners[0] + 1, corners[1] + 1, *corners[2:]], outline=BOX_COLOUR, width=3)
        side = max(16, min(height // 4, 36))
        draw.rectangle((left, top, left + side, top + side), fill=BACKGROUND)
        middle = (left + side // 2, top + side // 2)
        draw.text(middle, str(number), fill=BOX_COLOUR, font=load_font(side * 3 // 4), anchor="mm")
    words = f"The picture with {len(faces)} numbered face(s)"
    return f'<div class="fk-picture">{_image(picture, words)}</div>'


def faces_html(pixels, boxes, answers):
    """Return each face with the bars of each network beside each other.

    Args:
        pixels: uint8 array `(height, width, 3)`.
        boxes: list of `Box`.
        answers: list of `Answer`, one a network.
    """
    parts = []
    for number, box in enumerate(boxes[:MAX_FACES]):
        face = Image.fromarray(crop(pixels, box)).resize((FACE_SIDE, FACE_SIDE))
        pair = "".join(_network_html(answer, number) for answer in answers)
        parts.append(
            f'<section class="fk-face"><h3>Face {number + 1}: {_agreement(answers, number)}</h3>'
            f'{_image(face, f"Face {number + 1}")}<div class="fk-pair">{pair}</div></section>'
        )
    if len(boxes) > MAX_FACES:
        parts.append(message_html(f"{len(boxes) - MAX_FACES} more face(s) are not listed."))
    return "".join(parts)


def message_html(text):
    """Return a sentence.

    Args:
        text: str, which may hold anything.
    """
    return f'<p class="fk-message">{escape(text)}</p>'


def heading_html(text):
    """Return a heading.

    Args:
        text: str, which may hold anything.
    """
    return f'<h4 class="fk-heading">{escape(text)}</h4>'


def notice_html(limits):
    """Return what stands above all.

    Args:
        limits: str, the limits that the model card names.
    """
    kept = "Pictures stay on this machine and are deleted when the page is stopped."
    return f'<div class="fk-notice"><p>{escape(limits)} {kept}</p></div>'


def video_html(networks, agreement):
    """Return what each network found in a video, beside each other.

    Args:
        networks: list of `(name, Summary, reliability)`.
        agreement: dict from a face's number to the share of its frames in which all networks say
            the same, and their number.
    """
    (_, first, _), *others = networks
    words = [f"{first.num_frames} frames, {first.seconds:.1f} seconds, {len(agreement)} face(s)"]
    if others:
        words += [
            f"Face {track}: both say the same in {100 * share:.0f} % of {count} frames"
            for track, (share, count) in sorted(agreement.items())[:MAX_FACES]
        ]
    notes = filter(None, [first.sound, first.problem])
    pair = "".join(_summary_html(*network) for network in networks)
    return f'{message_html(chr(10).join([*words, *notes]))}<div class="fk-pair">{pair}</div>'


def _summary_html(name, summary, record):
    shown = sorted(summary.tracks)[:MAX_FACES]
    lines = [summary.in_words(track) for track in shown]
    if more := len(summary.tracks) - len(shown):
        lines.append(f"{more} more face(s) are not listed.")
    return (
        f'<div class="fk-network"><h4>{escape(name)}</h4>'
        f'<p class="fk-small">{overall(record)}</p>{message_html(chr(10).join(lines))}</div>'
    )


def _agreement(answers, number):
    best = [answer.best(number) for answer in answers]
    if len(answers) == 1:
        return escape(best[0])
    if len(set(best)) == 1:
        return f"both say {escape(best[0])}"
    says = (f"{escape(a.name)} says {escape(name)}" for a, name in zip(answers, best))
    return ", ".join(says)


def _network_html(answer, number):
    shares = answer.probabilities[number]
    rows = "".join(
        f'<div class="fk-row{" fk-best" if place == shares.argmax() else ""}">'
        f'<span class="fk-name" title="{escape(name)}">{escape(name)}</span>'
        f'<span class="fk-track"><span class="fk-bar" style="width:{100 * share:.1f}%"></span>'
        f'</span><span class="fk-value">{100 * share:.0f} %</span></div>'
        for place, (name, share) in enumerate(zip(answer.class_names, shares.tolist()))
    )
    told = meaning(answer.reliability, shares.max())
    heat = "" if answer.heat is None else _heat_html(answer, number)
    return (
        f'<div class="fk-network"><h4>{escape(answer.name)}</h4>'
        f'<p class="fk-small">{overall(answer.reliability)}</p>{rows}'
        f'<p class="fk-small">{told}</p>{heat}</div>'
    )


def _heat_html(answer, number):
    if isinstance(answer.heat, str):
        return f'<p class="fk-small">{escape(answer.heat)}</p>'
    from matplotlib import colormaps

    heat = answer.heat[number] / max(answer.heat[number].max(), 1e-9)
    gray = np.dstack([answer.images[number]] * 3).astype(float)
    weight = HEAT * heat[..., np.newaxis]
    mixed = (1 - weight) * gray + weight * 255 * colormaps["inferno"](heat)[..., :3]
    picture = Image.fromarray(mixed.astype(np.uint8)).resize((FACE_SIDE, FACE_SIDE))
    told = f"Grad-CAM: bright parts speak for {answer.best(number)}. It is a hint, not a proof."
    words = f'<p class="fk-small">{escape(told)}</p>'
    return f'<div class="fk-heat">{_image(picture, f"Grad-CAM of {answer.name}")}{words}</div>'


def _image(picture, words):
    """Return a picture inside the page, so that no file is written for it."""
    data = base64.b64encode(as_jpeg(picture, quality=88)).decode()
    return f'<img src="data:image/jpeg;base64,{data}" alt="{escape(words)}">'
