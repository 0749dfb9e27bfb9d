"""Pack what training left, in parts of a size that may be carried, the most wanted first.

    python benchmarks/bring.py WORK OUT JOB...

OUT gets runs.tar.0, runs.tar.1, ...: a tar archive, cut. Logs, scores and predictions come first,
then networks, then the states of trainings that are not done, each in the order of the jobs.
"""

import argparse
import io
import tarfile
from pathlib import Path

PART_BYTES, NUM_PARTS = 15 << 20, 4
AROUND = 2560
"""Most bytes that the archive has for a file beside its content."""


def wanted(work, jobs):
    """Return the files in WORK that are to be brought, the most wanted first."""

    def rank(path):
        inner = path.relative_to(work).parts
        kind = 2 if "backup" in inner else int(path.suffix == ".keras")
        job = inner[1] if inner[0] == "runs" else None
        return kind, jobs.index(job) if job in jobs else -1, inner

    found = [*work.glob("speed.csv"), *work.glob("logs/*"), *work.glob("runs/*/**/*")]
    return sorted(filter(Path.is_file, found), key=rank)


def bring(work, out, jobs):
    """Write the parts; return the files that were left behind for want of room."""
    room, left, archive = NUM_PARTS * PART_BYTES - 10 * AROUND, [], io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for path in wanted(work, jobs):
            if archive.tell() + path.stat().st_size + AROUND > room:
                left.append(path)
            else:
                tar.add(path, path.relative_to(work))
    for former in out.glob("runs.tar.*"):
        former.unlink()
    content = archive.getvalue()
    for number, start in enumerate(range(0, len(content), PART_BYTES)):
        (out / f"runs.tar.{number}").write_bytes(content[start : start + PART_BYTES])
    return left


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("work", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("jobs", nargs="*")
    given = parser.parse_args()
    if not given.work.is_dir():
        parser.error(f"there is no folder {given.work}; give the WORK of benchmarks/gpu.sh")
    given.out.mkdir(parents=True, exist_ok=True)
    for path in bring(given.work, given.out, given.jobs):
        print(f"There is no room for {path}, {path.stat().st_size:,} bytes.")
