"""Hand trained networks on: as files, and to the Hugging Face hub."""

import json
import re
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import unquote, urlparse

import fer_keras
from fer_keras.networks.pretrained import WEIGHTS, pretrained
from fer_keras.predict.confidence import limits
from fer_keras.predict.exporting import FACTS_NAME, SUFFIXES, export
from fer_keras.predict.origin import data_of, recipe_of, right_by
from fer_keras.predict.predictor import is_pretrained, keras_model_and_classes, short_name
from fer_keras.utils.errors import InputError, require_choice
from fer_keras.utils.extras import how_to_install
from fer_keras.utils.files import (
    is_taken,
    project_path,
    require_writable,
    user_path,
    write_text,
)
from fer_keras.utils.records import read_object

PUSHED = {"keras": "model.keras", "litert": "model.tflite"}
"""Format -> the name of its file in a repository."""

CARD = """---
library_name: keras
pipeline_tag: image-classification
tags: [facial-expression-recognition, fer_keras]
{license}---

# {name}

A network that recognises facial expressions, trained with fer_keras {version}. It takes the grey
levels 0-255 of an upright face, 48 x 48 pixels, and gives the probabilities of {classes}.

```python
import keras

model = keras.saving.load_model("model.keras")
probabilities = model(faces)  # faces: (n, 48, 48, 1), grey levels 0-255
```

`model.tflite` is the same network for LiteRT; `{facts}` names the classes.

## How it was trained, and how often it is right

{training}

## Limits

{limits}
"""
REPOSITORY = re.compile(r"[\w.-]+/[\w.-]+")
INSTALL = f"Pushing needs huggingface_hub; install it with: {how_to_install('hub')}"
LOG_IN = (
    "make a token that may write at https://huggingface.co/settings/tokens, then type "
    "`hf auth login` or put it into the variable HF_TOKEN"
)


def export_network(source, form, path=None):
    """Write a trained network in another format, checked on 100 faces.

    Args:
        source: a run directory, or one of `pretrained.PRETRAINED`.
        form: `"litert"`, `"onnx"` or `"keras"`.
        path: the file to write; `None` takes the network's or run directory's name.

    Returns:
        An `Exported`.

    Raises:
        InputError: if there is no such format or network, or as of `export`.
    """
    require_choice("The format", form, SUFFIXES)
    model, class_names = keras_model_and_classes(source)
    path = user_path(f"{short_name(source)}{SUFFIXES[form]}" if path is None else path)
    return export(model, class_names, form, path, _facts(source), _ready(source, form))


def push(source, repository):
    """Put a trained network with its card on the Hugging Face hub.

    A new repository is private; who may see it, its owner says there.

    Args:
        source: a run directory, or one of `pretrained.PRETRAINED`.
        repository: `owner/name` on the hub; or a folder, as `./name` or `file:///...`, absent or
            empty, which gets the same files.

    Returns:
        Where the files are: the `Path` of the folder, or the repository's address.

    Raises:
        InputError: if there is no such network or repository, or the hub refuses.
        OSError: if the hub cannot be reached.
    """
    folder = _as_folder(repository)
    if folder is None:
        _require_hub()
    elif is_taken(folder):
        raise InputError(f"{folder} is not empty; give a new folder, or `owner/name` on the hub.")
    else:
        require_writable(folder.parent)
        folder.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".", dir=folder and folder.parent) as place:
        made = _make(source, Path(place) / "made")
        if folder is None:
            return _upload(made, repository)
        if folder.is_dir():
            folder.rmdir()
        made.rename(folder)
    return folder


def _make(source, folder):
    """Write what a repository holds into a new folder, and return it."""
    model, class_names = keras_model_and_classes(source)
    facts = _facts(source)
    for form, name in PUSHED.items():
        export(model, class_names, form, folder / name, facts, _ready(source, form))
    about = {"class_names": list(class_names)} | facts
    write_text(folder / FACTS_NAME, json.dumps(about, indent=1) + "\n")
    write_text(folder / "README.md", _model_card(source, class_names, facts))
    return folder


def _model_card(source, class_names, facts):
    """Return a network's model card, Markdown with the hub's YAML on top."""
    return CARD.format(
        license="license: mit\n" if is_pretrained(source) else "",
        name=short_name(source),
        version=fer_keras.__version__,
        classes=", ".join(class_names),
        facts=FACTS_NAME,
        training=_training(facts, right_by(source)),
        # The first sentence is about FER2013's labels.
        limits=limits() if is_pretrained(source) else limits().partition(". ")[2],
    )


def _training(facts, by):
    """Return what is known of the training and the scores in Markdown."""
    lines = []
    for name in ("data", "recipe", "environment"):
        if facts.get(name):
            told = (f"{key} {_told(value)}" for key, value in facts[name].items())
            lines.append(f"- {name}: {', '.join(told)}")
    if scores := facts.get("scores"):
        lines += ["", "| test set | images | accuracy | macro F1 |", "|---|---|---|---|"]
        for row in scores:
            low, high = row["accuracy_low"], row["accuracy_high"]
            lines.append(
                f"| {row['split']} | {row['images']:,} | {row['accuracy']:.3f} [{low:.3f}, "
                f"{high:.3f}] | {row['macro_f1']:.3f} |"
            )
        brackets = "In brackets: 95 % intervals (BCa bootstrap over test images)."
        lines += ["", f"The scores are by {by}. {brackets}"]
    return "\n".join(lines)


def _told(value):
    if isinstance(value, list):
        return "/".join(map(_told, value))
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _facts(source):
    """Return what is known of a network, a dict that JSON can hold, without names of folders."""
    recipe = {key: _without_folders(value) for key, value in recipe_of(source).items()}
    facts = {"data": data_of(source), "recipe": recipe}
    if is_pretrained(source):
        return facts | {name: pretrained(source).card[name] for name in ("scores", "environment")}
    from fer_keras.evaluation.predictions import Predictions, score_table

    path = project_path(source) / "environment.json"
    facts |= {"environment": read_object(path)} if path.is_file() else {}
    scores = score_table(Predictions.load(path.with_name("predictions.npz")))
    return facts | {"scores": scores.to_dict("records")}


def _ready(source, form):
    """Return the file that comes with the package in this format, bytes, or `None`."""
    is_ready = form == "litert" and is_pretrained(source)
    return (WEIGHTS / f"{source}.tflite").read_bytes() if is_ready else None


def _without_folders(value):
    """Return a recipe's value; of a builder in a file, with the file's last name only."""
    return Path(value).name if isinstance(value, str) and ("/" in value or "\\" in value) else value


def _as_folder(repository):
    """Return the folder that a text names, or `None` for a repository of the hub."""
    text = str(repository)
    if text.startswith("file:"):
        return user_path(unquote(urlparse(text).path))
    if REPOSITORY.fullmatch(text) and text[0] not in ".~":
        return None
    if text[:1] not in (".", "~") and not Path(text).is_absolute():
        raise InputError(
            f"{text!r} is no repository; give `owner/name` on the hub, or a folder as ./{text}."
        )
    return user_path(text)


def _require_hub():
    try:
        import huggingface_hub
    except ImportError as error:
        raise InputError(INSTALL) from error
    if not huggingface_hub.get_token():
        raise InputError(f"The hub asks who you are: {LOG_IN}, and start again.")


def _upload(folder, repository):
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, HTTPError

    try:
        api = HfApi()
        address = api.create_repo(repository, private=True, exist_ok=True)
        api.upload_folder(repo_id=repository, folder_path=folder)
    except HFValidationError as error:
        raise InputError(f"{repository!r} is no name for a repository: {error}") from error
    except HfHubHTTPError as error:
        code = getattr(error.response, "status_code", "no code")
        if code in (401, 403):
            raise InputError(
                f"The hub does not let your token write to {repository} ({code}): {LOG_IN}."
            ) from error
        raise OSError(f"The hub answers {code} for {repository}; start again later") from error
    except HTTPError as error:  # of the library that it asks with
        raise OSError(
            f"The hub cannot be reached ({type(error).__name__}); check the network and start again"
        ) from error
    return str(address)
