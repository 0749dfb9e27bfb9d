"""Change one thing in the training of `quick`, and say what each change is worth.

    python benchmarks/ablations.py DIR OUT [TRIAL...] [--epochs N] [--seeds N] [--at-once N]

DIR holds FER2013's CSV and FER+'s votes. A tenth of Training, copies on one side, is held back; the
rest is learnt, and the last epoch is kept, so that the held faces choose nothing. TRIAL is one of
those of `ablation_trials.py`, or several joined by `+`; without one, each is tried. A trial of 12
epochs takes two minutes on two cores. PublicTest is not looked at.

OUT gets `ablations.csv`, one row a trial and seed. What is there is not trained again. What
each change is worth is printed in the end (`ablation_summary.py`).
"""

import argparse
import sys
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path

import keras
import numpy as np
import pandas as pd
from ablation_summary import MEASURES, summary
from ablation_trials import BASE, TRIALS, together

import fer_keras as fk
from fer_keras.data.readers.fer_plus import read_votes
from fer_keras.data.readers.locate import find_data
from fer_keras.data.splitting import cut_validation
from fer_keras.evaluation.judges import is_judged
from fer_keras.training.feeds import training_feed
from fer_keras.training.fit import compiled_model
from fer_keras.utils.files import write_text
from fer_keras.utils.machine import environment, processor_and_gpu

HELD = 0.1


def read(data, labels):
    """Return the faces to learn and those that are held back."""
    splits = cut_validation(fk.load_data(data, storage="csv", labels=labels), HELD, seed=0)
    own = fk.load_data(data, storage="csv").train
    return splits.train, own.select(np.isin(own.ids, splits.validation.ids))


def train(trial, recipe, faces, place):
    """Train a network with a trial's changes.

    Args:
        trial: the `Trial`.
        recipe: its `Recipe`.
        faces: the `Faces` to learn.
        place: folder for what the trial keeps.

    Returns:
        The model after the last epoch.
    """
    model = compiled = compiled_model(recipe, len(faces.class_names), faces.images)
    for begin in trial.begin:
        model = begin(model, faces, place) or model
    optimizer = trial.optimizer or type(compiled.optimizer)
    optimizer = optimizer.from_config(compiled.optimizer.get_config())
    # Compiled again, since a trial may have frozen layers.
    model.compile(optimizer, compiled.loss, jit_compile=compiled.jit_compile)
    model.fit(
        _prefetched(_batches(trial, recipe, faces), len(faces.class_names)),
        epochs=recipe.epochs,
        steps_per_epoch=_steps(recipe, faces),
        callbacks=[callback() for callback in trial.callbacks],
        shuffle=False,  # the feeds do that
        verbose=0,
    )
    return model


def _steps(recipe, faces):
    return -(-len(faces) // recipe.batch_size)


def _batches(trial, recipe, faces):
    """Yield the batches of all epochs, with the trial's changes."""
    for epoch in range(recipe.epochs):
        seen = faces
        for change in trial.epoch:
            seen = change(seen, epoch, recipe.seed)
        feed = training_feed(
            seen,
            recipe.batch_size,
            recipe.seed,
            recipe.ranges,
            epoch,
            corruption=recipe.corruption,
            mixup=recipe.mixup,
        )
        random = np.random.default_rng([recipe.seed, epoch])
        for _, (images, targets) in zip(range(_steps(recipe, faces)), feed):
            images, targets = np.asarray(images)[..., 0], np.asarray(targets)
            for change in trial.batch:
                images, targets = change(images, targets, epoch / recipe.epochs, random)
            yield images[..., np.newaxis], targets


def _prefetched(batches, num_classes):
    """Return the batches, images of any size, as TensorFlow takes them from another thread."""
    if keras.backend.backend() != "tensorflow":
        return batches
    import tensorflow as tf

    signature = (
        tf.TensorSpec((None, None, None, 1), tf.uint8),
        tf.TensorSpec((None, num_classes), tf.float32),
    )
    return tf.data.Dataset.from_generator(lambda: batches, output_signature=signature).prefetch(2)


def tried(data, out, name, epochs, seed):
    """Train by a trial with a seed; return its row of the record."""
    from examine import examine

    trial = together(name)
    recipe = BASE.changed(epochs=epochs, seed=seed, **trial.changes)
    faces, held = read(data, recipe.labels)
    start = time.perf_counter()
    model = train(trial, recipe, faces, out)
    seconds = time.perf_counter() - start
    location = find_data(data)
    votes = read_votes(location.csv, location.votes)

    def predict(images):
        return model.predict(images[..., np.newaxis], batch_size=256, verbose=0)

    rows = examine((predict, held.class_names), held, votes[is_judged(votes)])
    scores = {row: float(np.mean(values)) for row, values, _ in rows}
    machine = environment()
    machine["processor"] = processor_and_gpu(machine)
    return {
        "trial": name,
        "epochs": recipe.epochs,
        "seed": seed,
        **{column: round(scores[row], 4) for column, row in MEASURES.items()},
        "seconds": round(seconds, 1),
        **{key: machine[key] for key in ("date", "processor", "cores", "git commit")},
    }


def main(data, out, names, epochs, seeds, at_once):
    """Train what the record lacks, and print what each change is worth."""
    read(data, BASE.labels)  # bad data ends it here, not each training in turn
    file, rows = out / "ablations.csv", []
    if file.is_file():
        rows = pd.read_csv(file, dtype={"cores": str}).to_dict("records")
    done = {(row["trial"], row["epochs"], row["seed"]) for row in rows}
    todo = [
        (name, seed)
        for seed in range(seeds)
        for name in dict.fromkeys(["base", *(names or TRIALS)])
        if (name, epochs, seed) not in done
    ]
    with ProcessPoolExecutor(at_once, get_context("spawn"), max_tasks_per_child=1) as pool:
        running = [pool.submit(tried, data, out, name, epochs, seed) for name, seed in todo]
        for each in as_completed(running):
            rows.append(each.result())
            write_text(file, pd.DataFrame(rows).to_csv(index=False))
            print({key: rows[-1][key] for key in ("trial", "seed", *MEASURES)}, flush=True)
    print(summary(pd.DataFrame(rows)).round(3).to_string())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("trials", nargs="*")
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--at-once", type=int, default=1)
    given = parser.parse_args()
    if unknown := [name for name in given.trials if not set(name.split("+")) <= {*TRIALS}]:
        sys.exit(f"There is no trial {unknown[0]}; the trials are {', '.join(TRIALS)}.")
    given.out.mkdir(parents=True, exist_ok=True)
    try:
        main(given.data, given.out, given.trials, given.epochs, given.seeds, given.at_once)
    except fk.InputError as error:
        sys.exit(str(error))
