"""Export trained networks to other formats, checked against the original."""

import json
import zipfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from fer_keras.data.drawn import draw_faces
from fer_keras.data.faces import IMAGE_SIZE
from fer_keras.networks import litert
from fer_keras.networks.pretrained import network_input
from fer_keras.utils.errors import InputError
from fer_keras.utils.extras import how_to_install
from fer_keras.utils.files import require_writable, whole_file
from fer_keras.utils.startup import errors_only, quiet_start

SUFFIXES = {"litert": ".tflite", "onnx": ".onnx", "keras": ".keras"}
"""Format -> the suffix of its files."""

TOLERANCES = {"litert": 0.05, "onnx": 1e-3, "keras": 1e-3}
"""Format -> how far a probability may lie from the original's.

LiteRT's weights are rounded to 8 bits, or kept as float32 if that changed a face's class. A network
that comes with the package is written as it comes, in the 8 bits whose scores are known.
"""

NUM_FACES = 100
FACTS_NAME = "fer_keras.json"
LABELS_NAME = "labels.txt"
"""Where LiteRT's tools look for the names of the classes, one a line."""

INPUT = (
    f"float32 ({{}}, {IMAGE_SIZE}, {IMAGE_SIZE}, 1): grey levels 0-255 of upright faces that fill "
    "the image; the network scales them itself"
)
"""What goes in, but for how many images it takes at once."""


@dataclass(frozen=True)
class Exported:
    """An exported network, and how it answers.

    Args:
        path: the file.
        difference: the largest difference of a probability from the original's, 0-1.
        same_class: share of the faces that it gives the same class, 0-1.
        weights: `"float32"` or `"8-bit"`.
    """

    path: Path
    difference: float
    same_class: float
    weights: str

    def __str__(self):
        return (
            f"{self.path}: on {NUM_FACES} drawn faces its probabilities lie within "
            f"{max(self.difference, 1e-6):.2g} of the original's; {self.same_class:.0%} have the "
            f"same class. Its weights are {self.weights}."
        )


def export(model, class_names, form, path, facts=None, ready=None):
    """Write a network in another format, if it answers there as it does here.

    The file says what goes in and comes out: ONNX in its metadata, the others in `fer_keras.json`
    and `labels.txt`, which unzip as from a zip archive.

    Args:
        model: a float32 `keras.Model` from grey levels `(n, 48, 48, 1)` to probabilities.
        class_names: the class of each probability.
        form: a key of `SUFFIXES`.
        path: the file to write; it must not exist.
        facts: dict of more to say in the file, of what JSON can hold.
        ready: bytes, what `litert.convert` made of the network before; LiteRT's file keeps them.

    Returns:
        An `Exported`.

    Raises:
        InputError: if the format's packages are missing, the file exists or cannot be written, or a
            probability differs by more than `TOLERANCES` allows; then no file is written.
    """
    path = Path(path)
    if path.exists():
        raise InputError(f"{path} exists already; give another file, or delete this one.")
    if path.suffix != SUFFIXES[form]:
        raise InputError(f"{path} is to be written as {form}; end its name in {SUFFIXES[form]}.")
    require_writable(path.parent)
    _require_backend(form)
    about = {"class_names": list(class_names), "input": INPUT.format("n")}
    about |= {"output": "probabilities", "weights": "float32"} | (facts or {})
    faces = network_input(draw_faces(NUM_FACES, seed=0).images)
    expected = np.asarray(model(faces, training=False))
    write = partial(_WRITERS[form], ready=ready) if ready else _WRITERS[form]
    with whole_file(path) as part:
        found = write(model, about, part, faces, expected)
        difference = float(np.abs(found - expected).max())
        if not difference <= TOLERANCES[form]:
            raise InputError(
                f"In the format {form} the network answers otherwise: probabilities differ by up "
                f"to {difference:.2g}, and {TOLERANCES[form]:g} is allowed; no file is written."
            )
    same_class = float((found.argmax(axis=1) == expected.argmax(axis=1)).mean())
    return Exported(path, difference, same_class, about["weights"])


def _require_backend(form):
    import keras

    if form != "keras" and keras.backend.backend() != "tensorflow":
        raise InputError(
            f"Keras runs on {keras.backend.backend()} here, and {form} is made from TensorFlow; "
            "unset KERAS_BACKEND."
        )


def _write_litert(model, about, path, faces, expected, ready=None):
    path.write_bytes(ready or litert.convert(model))
    found = litert.load(path.read_bytes())(faces)
    differs = np.abs(found - expected).max() > TOLERANCES["litert"]
    differs |= (found.argmax(axis=1) != expected.argmax(axis=1)).any()
    if ready or not differs:
        about |= {"weights": "8-bit", "input": INPUT.format(1)}
    else:
        # Not every network bears the rounding to 8 bits; Keras' own export keeps float32.
        with quiet_start(), errors_only():
            model.export(path, format="litert", verbose=False)
    _append(about, path)
    return litert.load(path.read_bytes())(faces)


def _write_onnx(model, about, path, faces, expected):
    try:
        import onnx
        import onnxruntime
        import tf2onnx  # noqa: F401, Keras imports it late and says less
    except ImportError as error:
        raise InputError(
            f"ONNX needs the package {error.name}; install it with: {how_to_install('export')}"
        ) from error
    import keras

    shape = (None, IMAGE_SIZE, IMAGE_SIZE, 1)
    entry = keras.InputSpec(shape=shape, dtype="float32", name="faces")
    with quiet_start(), errors_only():
        model.export(path, format="onnx", verbose=False, input_signature=[entry])
    graph = onnx.load(path)
    _name_ends(graph.graph)
    texts = {name: v if isinstance(v, str) else json.dumps(v) for name, v in about.items()}
    onnx.helper.set_model_props(graph, texts)
    onnx.checker.check_model(graph)
    onnx.save(graph, path)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return session.run(["probabilities"], {"faces": faces.astype(np.float32)})[0]


def _name_ends(graph):
    """Name an ONNX graph's output and the number of faces in plain words."""
    former = graph.output[0].name
    for node in graph.node:
        for position, name in enumerate(node.output):
            if name == former:
                node.output[position] = "probabilities"
    graph.output[0].name = "probabilities"
    for end in (graph.input[0], graph.output[0]):
        end.type.tensor_type.shape.dim[0].dim_param = "n"


def _write_keras(model, about, path, faces, expected):
    import keras

    model.save(path)
    _append(about, path)
    loaded = keras.saving.load_model(path, compile=False, safe_mode=True)
    return np.asarray(loaded(faces, training=False))


def _append(about, path):
    """Add what is to be known to a file: one more of a zip's files, or a zip at its end."""
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(FACTS_NAME, json.dumps(about, indent=1) + "\n")
        archive.writestr(LABELS_NAME, "".join(f"{name}\n" for name in about["class_names"]))


_WRITERS = {"litert": _write_litert, "onnx": _write_onnx, "keras": _write_keras}
"""Format -> a function that writes a file and returns its answers on the faces.

It may change what the file says of itself.
"""
