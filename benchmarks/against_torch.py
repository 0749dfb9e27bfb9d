"""Training every network in float32 and bfloat16, against PyTorch at its best."""

from contextlib import ExitStack
from dataclasses import replace

from timing import BATCH_SIZE, in_turn, row
from torch_side import FORMS, is_installed, training_epochs
from training import our_epoch

from fer_keras.data.loading import load_data
from fer_keras.data.splitting import cut_validation
from fer_keras.training.recipe import Recipe

# An epoch takes some seconds on two cores, and has only whole batches: for others, PyTorch would
# compile again. Each number of steps is a multiple of 4, as FER2013's 404 are.
NUM_IMAGES = {
    "conv2": 10240,
    "conv3": 10240,
    "conv4_bn": 5120,
    "conv6": 2560,
    "vgg8": 1024,
    "quick": 10240,
    "conv7_bn": 3072,
}
ON_GPU = {"quick": 25600, "conv7_bn": 25600}
"""What a GPU is measured with: compiling takes it longer than the epochs of all networks."""

ADAM, SGD = Recipe(), Recipe(optimizer="sgd", learning_rate=0.01)
OPTIMIZED_BY = {"quick": SGD, "conv7_bn": SGD}
"""As their recipes say; the others by Adam."""


def bench(location, scratch, rounds):
    """Yield rows: an epoch of each network in each precision, against each form of PyTorch's."""
    from fer_keras.networks.backend import multiplies_bfloat16
    from fer_keras.utils.machine import environment

    if not is_installed():
        print("PyTorch is not installed, so that nothing is compared with it.")
        return
    train = cut_validation(load_data(location), 0.1, seed=0).train
    precisions = ("float32", "mixed") if multiplies_bfloat16() else ("float32",)
    for network, count in (ON_GPU if "gpu" in environment() else NUM_IMAGES).items():
        for precision in precisions:
            recipe = OPTIMIZED_BY.get(network, ADAM).changed(network=network, precision=precision)
            yield from against_torch(recipe, train.select(slice(count)), rounds)


def against_torch(recipe, faces, rounds):
    """Yield a row for each form of PyTorch's loop; all sides train in turn."""
    from fer_keras.networks.build import build

    layers = list(torch_layers(build(recipe.network, len(faces.class_names))))
    task = layers, recipe.optimizer, faces.images, faces.labels, BATCH_SIZE
    forms = [replace(form, bfloat16=recipe.precision == "mixed") for form in FORMS]
    with ExitStack() as processes:
        theirs = [processes.enter_context(training_epochs(form, *task)) for form in forms]
        spent = in_turn([our_epoch(recipe, faces), *theirs], rounds)
    ours, *others = (len(faces) / seconds for seconds in spent)
    dtype = "bfloat16" if recipe.precision == "mixed" else "float32"
    for form, speed in zip(forms, others):
        yield row(f"train {recipe.network} in {dtype}", "images/s", ours, str(form), speed)


def torch_layers(network):
    """Yield name and arguments of PyTorch's layers for those of one of `builders.NETWORKS`."""
    from keras import layers

    for layer in network.layers:
        channels = layer.input.shape[-1]
        if isinstance(layer, layers.Conv2D):
            padding = layer.kernel_size[0] // 2 if layer.padding == "same" else 0
            sizes = channels, layer.filters, layer.kernel_size, layer.strides, padding
            yield "Conv2d", (*sizes, 1, 1, layer.use_bias)
        elif isinstance(layer, layers.BatchNormalization):
            yield "BatchNorm2d", (channels, layer.epsilon, 1 - layer.momentum)
        elif isinstance(layer, layers.MaxPooling2D):
            yield "MaxPool2d", (layer.pool_size,)
        elif isinstance(layer, layers.AveragePooling2D):
            yield "AvgPool2d", (layer.pool_size,)
        elif isinstance(layer, layers.Dropout):
            yield "Dropout", (layer.rate,)
        elif isinstance(layer, layers.Flatten):
            yield "Flatten", ()
        elif isinstance(layer, layers.Dense):
            yield "Linear", (channels, layer.units)
        activation = getattr(getattr(layer, "activation", None), "__name__", "")
        if activation == "relu" or isinstance(layer, layers.ReLU):
            yield "ReLU", ()
