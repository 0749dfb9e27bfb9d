"""Describe the machine and the packages that a result depends on."""

import os
import platform
import subprocess
from contextlib import suppress
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import psutil

CGROUP_LIMITS = (
    "/sys/fs/cgroup/memory.max",
    "/sys/fs/cgroup/memory/memory.limit_in_bytes",
)
"""Where Linux says how much memory a container may use, in version 2 and 1 of cgroups."""

PACKAGES = ("fer_keras", "tensorflow", "keras", "numpy", "pandas", "scikit-learn", "papermill")


def environment():
    """Return a dict of strings: the date, machine and package versions."""
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "processor": _processor(),
        "cores": str(num_cores()),
        "memory": f"{psutil.virtual_memory().total / 2**30:.0f} GiB",
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        **{package: package_version(package) for package in PACKAGES},
        "git commit": _git_commit(),
    }


def package_version(name):
    """Return the version of an installed package.

    TensorFlow without CUDA is the package tensorflow-cpu, with the same versions.

    Args:
        name: a package, such as `tensorflow`.

    Raises:
        PackageNotFoundError: if neither `name` nor `name`-cpu is installed.
    """
    try:
        return version(name)
    except PackageNotFoundError:
        return version(f"{name}-cpu")


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
    return names[0] if names else platform.processor() or platform.machine()


def _git_commit():
    folder = Path(__file__).parent
    command = ["git", "-C", folder, "describe", "--always", "--dirty", "--abbrev=12"]
    try:
        return subprocess.check_output(command, stderr=subprocess.DEVNULL, text=True).strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
