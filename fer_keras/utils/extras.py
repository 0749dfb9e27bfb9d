"""Packages that only some commands need, and how to install them."""

PACKAGES = {
    "app": ("gradio>=6.31,<7", "av>=18,<19"),
    "cluster": ("distributed>=2024.8,<2027",),
    "completion": ("shtab>=1.7,<2",),
    "export": ("onnx>=1.18,<2", "onnxruntime>=1.22,<2", "tf2onnx>=1.17,<2"),
    "heic": ("pillow-heif>=1,<2",),
    "hub": ("huggingface_hub>=1,<3",),
    "kaggle": ("kagglehub>=1,<2", "requests>=2.31,<3"),
    "tensorboard": ("tensorboard>=2.20,<3",),
    "video": ("av>=18,<19",),
}
"""Extra of `pyproject.toml` -> its packages."""


def how_to_install(extra):
    """Return the pip command that installs an extra's packages.

    They name the packages and not `fer_keras[app]`, say: that would put a second TensorFlow over
    the one without CUDA that `make` installs, and fer_keras is not on PyPI.

    Args:
        extra: a key of `PACKAGES`.
    """
    return " ".join(["pip install", *(f'"{package}"' for package in PACKAGES[extra])])
