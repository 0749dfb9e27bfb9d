"""Describe the machine and the packages that a result depends on."""

import json
import os
import platform
import subprocess
import sys
from contextlib import suppress
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import psutil

from fer_keras import __version__

CGROUP_LIMITS = (
    "/sys/fs/cgroup/memory.max",
    "/sys/fs/cgroup/memory/memory.limit_in_bytes",
)
"""Where Linux says how much memory a container may use, in version 2 and 1 of cgroups."""

PACKAGES = (
    *("tensorflow", "jax", "keras", "numpy", "scipy", "opencv-python-headless", "pillow"),
    *("pandas", "scikit-learn", "papermill"),
)
"""Those whose versions a result depends on; of the backends, only the one in use counts."""

TENSORFLOW = "tensorflow"
"""Keras' default backend."""


def environment():
    """Return the date, machine, Keras' backend and versions, as strings.

    `gpu` names the graphics processors that the backend computes on; without any, or before the
    backend is started, it is left out, and so are packages that are not installed.

    Returns:
        A dict from a name to its text.
    """
    backend = keras_backend()
    unused = {TENSORFLOW, "jax"} - {backend}
    versions = {name: version_if_any(name) for name in PACKAGES if name not in unused}
    gpus = _gpu_names(backend)
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "processor": _processor(),
        "cores": str(num_cores()),
        **({"gpu": ", ".join(gpus)} if gpus else {}),
        "memory": f"{psutil.virtual_memory().total / 2**30:.0f} GiB",
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "backend": backend,
        "fer_keras": __version__,
        **{name: found for name, found in versions.items() if found},
        "git commit": _git_commit(),
    }


def processor_and_gpu(machine):
    """Name a machine's processor and its GPUs, if it has any.

    Args:
        machine: what `environment` returned, or a run's row of `results.csv` as a dict.
    """
    gpu = machine.get("gpu")  # in a table, runs without one have a NaN
    return f"{machine['processor']}, {gpu}" if isinstance(gpu, str) else machine["processor"]


def machines_of(results):
    """Return the machine that each run was trained on.

    Args:
        results: rows of what `comparison.results.result_table` returned, of finished runs.

    Returns:
        A list of texts: processor, GPUs if any, and cores.
    """
    rows = results.to_dict("records")
    return [f"{processor_and_gpu(row)}, {float(row['cores']):g} cores" for row in rows]


def keras_backend():
    """Return the name of Keras' backend, without starting it.

    As Keras does, take `KERAS_BACKEND`, else `~/.keras/keras.json`, else TensorFlow.
    """
    if keras := sys.modules.get("keras"):
        return keras.config.backend()
    if name := os.environ.get("KERAS_BACKEND"):
        return name
    home = Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras")
    with suppress(OSError, ValueError):
        settings = json.loads((home / "keras.json").read_text())
        return settings.get("backend", TENSORFLOW) if isinstance(settings, dict) else TENSORFLOW
    return TENSORFLOW


def version_if_any(name):
    """Return the version of an installed package, or `None`.

    TensorFlow without CUDA is the package tensorflow-cpu, with the same versions.

    Args:
        name: a package, such as `tensorflow`.
    """
    for package in (name, f"{name}-cpu"):
        with suppress(PackageNotFoundError):
            return version(package)
    return None


def _gpu_names(backend):
    """Return the names of the GPUs of a backend that was started."""
    if backend == "jax" and (jax := sys.modules.get("jax")):
        return [device.device_kind for device in jax.devices() if device.platform == "gpu"]
    if backend == TENSORFLOW and (tf := sys.modules.get("tensorflow")):
        details = map(
            tf.config.experimental.get_device_details, tf.config.list_physical_devices("GPU")
        )
        return [each.get("device_name", "GPU") for each in details]
    return []


def num_cores():
    """Return how many processor cores this process may use."""
    process = psutil.Process()
    return len(process.cpu_affinity()) if hasattr(process, "cpu_affinity") else os.cpu_count()


def usable_memory():
    """Return how many bytes of memory this process may use.

    The machine's, or less where a container or a limit of the process says so.
    """
    limits = [psutil.virtual_memory().total]
    limits += [int(text) for text in map(_text, CGROUP_LIMITS) if text.isdecimal()]
    with suppress(ImportError):  # Windows has no such limits
        import resource

        limits += [n for kind in ("RLIMIT_AS", "RLIMIT_DATA")
                   if (n := resource.getrlimit(getattr(resource, kind))[0]) > 0]  # fmt: skip
    return min(limits)


def _text(path):
    try:
        return Path(path).read_text().strip()
    except OSError:
        return ""


def _processor():
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.is_file() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    if not names and sys.platform == "darwin":  # Python itself calls every Mac an arm
        command = ["sysctl", "-n", "machdep.cpu.brand_string"]
        with suppress(OSError, subprocess.CalledProcessError):
            names = [subprocess.check_output(command, text=True).strip()]
    return names[0] if names else platform.processor() or platform.machine()


def _git_commit():
    folder = Path(__file__).parents[1]
    if not (folder.parent / ".git").exists():  # installed, perhaps inside another repository
        return "unknown"
    command = ["git", "-C", folder, "describe", "--always", "--dirty", "--abbrev=12"]
    try:
        return subprocess.check_output(command, stderr=subprocess.DEVNULL, text=True).strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
