"""Memory that a training process takes at most, against arrays of float32; on Linux."""

from statistics import median

from timing import peak_memory, row

TRAIN = """
import sys
from fer_keras.utils.startup import start_tensorflow
start_tensorflow()
if sys.argv[2] == "ours":
    from fer_keras.data.loading import load_data
    from fer_keras.training.feeds import training_feed
    from fer_keras.training.fit import compiled_model
    from fer_keras.training.recipe import Recipe
    recipe, faces = Recipe(), load_data(sys.argv[1]).train
    feed = training_feed(faces, recipe.batch_size, recipe.seed)
    steps = -(-len(faces) // recipe.batch_size)
    compiled_model(recipe, 7, faces.images).fit(feed, steps_per_epoch=steps, verbose=0)
else:
    import keras, numpy as np, pandas as pd
    from fer_keras.networks.build import build
    rows = pd.read_csv(sys.argv[1] + "/fer2013.csv")
    rows = rows[rows["Usage"] == "Training"]
    pixels = np.stack([np.array(text.split(), "float32") for text in rows["pixels"]])
    labels = keras.utils.to_categorical(rows["emotion"], 7)
    model = build("conv3", 7)
    model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    model.fit(pixels.reshape(-1, 48, 48, 1), labels, batch_size=64, verbose=0)
"""


def bench(location, scratch, rounds):
    """Yield a row: reading FER2013 and training conv3 for an epoch, in a process of its own."""
    folder = str(location.csv.parent)
    peaks = [
        [peak_memory(TRAIN, folder, side) for side in ("ours", "theirs")] for _ in range(rounds)
    ]
    ours, theirs = map(median, zip(*peaks))
    yield row("memory to read and train conv3", "MiB", ours, "arrays of float32", theirs)
