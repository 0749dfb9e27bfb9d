"""Figures of test faces: predictions, errors and where a network looks."""

import numpy as np

from fer_keras.evaluation.gradcam import grad_cam
from fer_keras.reporting.error_figures import costly_confusions
from fer_keras.reporting.figures import picture_grid

PER_ROW = 7
"""Faces in a row of right or wrong predictions."""

PER_CONFUSION = 8
"""Faces of each confusion."""


def gallery(faces, predictions, title):
    """Show random right and wrong predictions with their probabilities.

    Args:
        faces: the test `Faces`, in the order of `predictions`.
        predictions: `Predictions`.
        title: the arm's name.

    Returns:
        A `Figure`, two rows right and two wrong. Above each face stands the predicted class, and
        the true one if it differs.
    """
    right = predictions.is_right
    rng = np.random.default_rng(0)
    rows = []
    for mask in (right, ~right):
        chosen = rng.permutation(np.flatnonzero(mask))[: 2 * PER_ROW]
        cells = [(faces.images[n], _in_words(predictions, n)) for n in chosen]
        rows += [cells[:PER_ROW], cells[PER_ROW:]]
    above = f"{title}: right (green) and wrong (orange) predictions"
    figure, panels = picture_grid(rows, PER_ROW, 1.05, 1.42, above)
    for number, panel in enumerate(panels.flat):
        panel.title.set_color("#00734d" if number < 2 * PER_ROW else "#b34700")
    figure.set_label(
        f"{title}: random test faces, {min(right.sum(), 2 * PER_ROW)} predicted rightly and "
        f"{min((~right).sum(), 2 * PER_ROW)} wrongly, each with the predicted class and its "
        "probability, and the true class where it differs."
    )
    return figure


def costly_confusion_gallery(faces, predictions, title):
    """Show faces of the confusions that cost the most accuracy.

    They are drawn at random: the surest ones would show odd faces and labels, not typical ones.

    Args:
        faces: the test `Faces`, in the order of `predictions`.
        predictions: `Predictions`.
        title: the arm's name.

    Returns:
        A `Figure`, one row a confusion; each face bears the probabilities of the predicted and
        of the true class.
    """
    table = costly_confusions(predictions)
    rng = np.random.default_rng(0)
    rows, names, words = [], [], []
    for pair in table.to_dict("records"):
        true, said = (predictions.class_names.index(pair[side]) for side in ("true", "predicted"))
        members = np.flatnonzero((predictions.y_true == true) & (predictions.y_pred == said))
        chosen = rng.permutation(members)[:PER_CONFUSION]
        sure = predictions.probabilities[chosen]
        titles = [f"{own[said]:.0%}, true {own[true]:.0%}" for own in sure]
        rows.append(list(zip(faces.images[chosen], titles, strict=True)))
        images, lost = f"{pair['images']:,} images", f"{100 * pair['accuracy lost']:.1f} points"
        names.append(f"{pair['true']}\nas {pair['predicted']}\n{images}\n{lost}")
        words.append(f"{pair['true']} as {pair['predicted']}: {images}, {lost}")
    above = f"{title}: the confusions that cost the most accuracy"
    figure, _ = picture_grid(rows, PER_CONFUSION, 1.05, 1.3, above, names)
    figure.set_label(
        f"{title}: random faces of the costliest confusions, with the probabilities of the "
        f"predicted and the true class. {'; '.join(words) or 'There are no errors'}."
    )
    return figure


def grad_cam_gallery(model, faces, predictions, title):
    """Show where a network finds evidence in random faces.

    Args:
        model: the network, as for `grad_cam`.
        faces: the test `Faces`, in the order of `predictions`.
        predictions: the network's `Predictions`.
        title: the arm's name.

    Returns:
        A `Figure`: right predictions with the heat of their class; below, wrong ones with that of
        the predicted class and that of the true one. The brightest spot is each map's greatest
        value. A map without colour found no evidence for the class.
    """
    rng = np.random.default_rng(0)
    said, true = predictions.y_pred, predictions.y_true
    right = said == true
    rows, names, heats = [], [], []
    for mask, kind, sides in (
        (right, "right", {"predicted": said}),
        (~right, "wrong", {"predicted": said, "true": true}),
    ):
        chosen = rng.permutation(np.flatnonzero(mask))[:PER_ROW]
        images, names, heats = faces.images[chosen], [*names, kind], [*heats, []]
        words = [_in_words(predictions, index) for index in chosen]
        rows.append(list(zip(images, words, strict=True)))
        for side, classes in sides.items():
            rows.append([(image, "") for image in images])
            names.append(f"for the\n{side} class")
            heats.append(grad_cam(model, images, classes[chosen]))
    above = f"{title}: where the evidence for a class lies (Grad-CAM)"
    figure, panels = picture_grid(rows, PER_ROW, 1.2, 1.35, above, names)
    for row, maps in zip(panels, heats, strict=True):
        for panel, heat in zip(row, maps, strict=False):
            strength = heat / max(heat.max(), np.finfo(float).tiny)
            panel.imshow(strength, cmap="inferno", vmin=0, vmax=1, alpha=0.7 * strength)
    figure.set_label(
        f"{title}: {min(right.sum(), PER_ROW)} random test faces predicted rightly and "
        f"{min((~right).sum(), PER_ROW)} wrongly, each with its Grad-CAM heat map for the "
        "predicted class, and the wrong ones with that for the true class as well."
    )
    return figure


def _in_words(predictions, index):
    """Return a face's predicted class and, if it differs, its true one."""
    probabilities = predictions.probabilities[index]
    said, true = predictions.y_pred[index], predictions.y_true[index]
    names = predictions.class_names
    # Every title has two lines, so that the faces stand in line.
    second = f"true: {names[true]} {probabilities[true]:.0%}" if said != true else ""
    return f"{names[said]} {probabilities[said]:.0%}\n{second}"
