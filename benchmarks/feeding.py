"""Feeding augmented batches, with no training behind."""

import itertools

from timing import BATCH_SIZE, in_turn, row

from fer_keras.data.readers.image_folder import link_training_folder, read_image_folder
from fer_keras.data.splitting import cut_validation
from fer_keras.training.recipe import AUGMENTATIONS

NUM_BATCHES = 400


def bench(location, scratch, rounds):
    """Yield rows: study D's augmentation in memory, against ImageDataGenerator's two forms."""
    from fer_keras.training import feeds

    faces = cut_validation(read_image_folder(location.folder), 0.1, seed=0).train
    link_training_folder(location.folder, faces, scratch / "linked")
    sizes = BATCH_SIZE, 0, AUGMENTATIONS["study_d"]
    endless = [
        iter(feed)
        for feed in (
            feeds.training_feed(faces, *sizes),
            feeds.generator_feed(faces, *sizes, directory=scratch / "linked"),
            feeds.generator_feed(faces, *sizes),
        )
    ]

    def take(feed):
        for _ in itertools.islice(feed, NUM_BATCHES):
            pass

    for feed in endless:
        take(feed)  # the first batches wait for files and graphs
    ours, folder, memory = (
        BATCH_SIZE * NUM_BATCHES / spent
        for spent in in_turn([lambda feed=feed: take(feed) for feed in endless], rounds)
    )
    what = "feed with study D's augmentation"
    yield row(what, "images/s", ours, "ImageDataGenerator.flow_from_directory", folder)
    yield row(what, "images/s", ours, "ImageDataGenerator.flow, from memory", memory)
