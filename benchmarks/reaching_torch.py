"""Train the recipe `quick` in PyTorch (`channels_last`, eager), from pixels on disk to its score.

    python benchmarks/reaching_torch.py DIR LAYERS RECIPE

LAYERS and RECIPE are JSON: what `against_torch.torch_layers` yields, and fields of the recipe.
Faces are read, softened by votes and moved by our code, the quickest that we know, so that only the
training differs. Keras and TensorFlow are not imported.
"""

import copy
import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from torch_side import MOMENTUM, one_cycle

import fer_keras as fk
from fer_keras.data.faces import split_names
from fer_keras.data.splitting import cut_validation
from fer_keras.training.augmentation import augment
from fer_keras.training.recipe import Recipe

AHEAD = 4
"""Batches that are prepared while one is learnt."""


def train(recipe, layers, splits):
    """Return the model with the weights of the epoch that is best on the validation faces."""
    torch.manual_seed(recipe.seed)
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    model = torch.nn.Sequential(*(getattr(torch.nn, name)(*args) for name, args in layers))
    model = model.to(memory_format=torch.channels_last)
    steps = recipe.epochs * -(-len(splits.train) // recipe.batch_size)
    # Keras' weight decay goes past the momentum, PyTorch's through it, ten times as far in the end.
    decay = recipe.weight_decay * (1 - MOMENTUM)
    optimizer = torch.optim.SGD(
        model.parameters(), recipe.learning_rate, MOMENTUM, 0, decay, nesterov=True, fused=True
    )
    cycle = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: one_cycle(step, steps))
    best, best_accuracy = None, -1.0
    for epoch in range(recipe.epochs):
        model.train()
        for images, targets in batches(recipe, splits.train, epoch):
            loss = torch.nn.functional.cross_entropy(logits(model, images).float(), targets)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            cycle.step()
        found = accuracy(model, splits.validation)
        if found > best_accuracy:
            best, best_accuracy = copy.deepcopy(model.state_dict()), found
    model.load_state_dict(best)
    return model


def batches(recipe, faces, epoch):
    """Yield an epoch's images and soft targets, prepared in other threads."""
    order = np.random.default_rng([recipe.seed, epoch]).permutation(len(faces))
    parts = np.array_split(order, np.arange(recipe.batch_size, len(order), recipe.batch_size))

    def batch(number):
        images = augment(faces.images[parts[number]], recipe.ranges, [recipe.seed, epoch, number])
        return torch.from_numpy(images[:, None]), torch.from_numpy(faces.targets[parts[number]])

    with ThreadPoolExecutor(2) as threads:
        coming = [threads.submit(batch, number) for number in range(min(AHEAD, len(parts)))]
        for number in range(len(parts)):
            if number + AHEAD < len(parts):
                coming.append(threads.submit(batch, number + AHEAD))
            yield coming[number].result()


def logits(model, images):
    """Return a network's logits for uint8 images `(batch, 1, 48, 48)`, by bfloat16."""
    with torch.autocast("cpu", torch.bfloat16):
        return model(images.to(torch.float32, memory_format=torch.channels_last) / 255)


def accuracy(model, faces, batch_size=256):
    """Return the share of faces that a network recognises."""
    model.eval()
    with torch.inference_mode():
        parts = torch.from_numpy(faces.images[:, None]).split(batch_size)
        answers = torch.cat([logits(model, part).argmax(1) for part in parts]).numpy()
    return float(np.mean(answers == faces.labels))


if __name__ == "__main__":
    data, layers, fields = sys.argv[1:]
    recipe = Recipe().changed(**json.loads(fields))
    splits = fk.load_data(data, storage="csv", labels=recipe.labels)
    splits = cut_validation(splits, recipe.validation_fraction, recipe.seed)
    public = splits.test.select(split_names(splits.test.ids) == "PublicTest")
    print(accuracy(train(recipe, json.loads(layers), splits), public))
