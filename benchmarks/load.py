"""Whether memory stays flat over 10,000 pictures and over two hours of video.

    python benchmarks/load.py               # all, about half an hour on two idle cores; needs PyAV
    python benchmarks/load.py --share 0.1   # a tenth of the pictures and of the video

Prints the memory of each quarter of the time, and ends with 1 if the last quarter's median is more
than `MOST_GROWTH` times the second one's. The first quarter fills buffers; an MP4's index, which is
written last, takes 60 bytes a frame.
"""

import argparse
import os
import subprocess
import sys
import time
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import psutil
from matplotlib.cbook import get_sample_data
from PIL import Image

NUM_PICTURES, HOURS = 10_000, 2.0
RATE, SIZE = 10, (320, 240)  # frames a second, as of a webcam
MINUTE = 60  # seconds; the video repeats one
MOST_GROWTH = 1.1
EVERY_SECONDS = 0.5
SHIFTS = range(10)  # so many pictures differ


def portrait(shift):
    """Return a portrait at a place of its own in front of a plain wall."""
    with get_sample_data("grace_hopper.jpg") as file, Image.open(file) as photo:
        face = photo.convert("RGB").resize((180, 212))
    picture = Image.new("RGB", SIZE, (90, 110, 130 + shift))
    picture.paste(face, (14 * shift, 28))
    return picture


def write_pictures(folder, count):
    """Write picture files; most are further names of the first few."""
    for number in range(count):
        path, first = folder / f"{number:05}.jpg", folder / f"{number % len(SHIFTS):05}.jpg"
        if path == first:
            portrait(number).save(path)
        else:
            os.link(first, path)


def write_video(path, minutes):
    """Encode one minute, in which a face goes to and fro and is away at times; repeat it."""
    import av

    pictures = [portrait(shift) for shift in (*SHIFTS, *reversed(SHIFTS))]
    away = Image.new("RGB", SIZE, (90, 110, 130))
    with av.open(str(path), "w") as file:
        stream = file.add_stream("libx264", rate=RATE)
        stream.width, stream.height = SIZE
        stream.pix_fmt = "yuv420p"
        stream.options = {"preset": "veryfast", "bf": "0"}
        packets = []
        for number in range(MINUTE * RATE):
            shown = away if number % 100 < 24 else pictures[number // 2 % len(pictures)]
            packets += stream.encode(av.VideoFrame.from_image(shown))
        packets += stream.encode()
        contents = [(bytes(packet), packet.pts, packet.is_keyframe) for packet in packets]
        unit = packets[0].time_base
        step = Fraction(MINUTE) / unit
        for repeated in range(minutes):
            for content, pts, is_keyframe in contents:
                packet = av.Packet(content)
                packet.stream, packet.time_base, packet.is_keyframe = stream, unit, is_keyframe
                packet.pts = packet.dts = pts + int(repeated * step)
                file.mux(packet)


def megabytes_over_time(command):
    """Run a command; return its memory in MB, sampled, and its seconds."""
    start, found = time.perf_counter(), []
    process = subprocess.Popen([sys.executable, "-m", "fer_keras", *command],
                               stdout=subprocess.DEVNULL)  # fmt: skip
    seen = psutil.Process(process.pid)
    while process.poll() is None:
        found.append(seen.memory_info().rss / 1e6)
        time.sleep(EVERY_SECONDS)
    if process.returncode:
        sys.exit(f"fer-keras {command[0]} ended with {process.returncode}")
    return [each for each in found if each], time.perf_counter() - start


def is_flat(what, command):
    """Print the memory of a command's quarters; return whether it stays flat."""
    found, passed = megabytes_over_time(command)
    ends = [len(found) * part // 4 for part in range(5)]
    quarters = [median(found[start:end]) for start, end in pairwise(ends)]
    print(f"{what}: {passed:,.0f} s; median MB of each quarter "
          f"{', '.join(f'{each:.0f}' for each in quarters)}; at most {max(found):.0f}",
          flush=True)  # fmt: skip
    return quarters[3] <= MOST_GROWTH * quarters[1]


def main():
    """Run both loads."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--share", type=float, default=1.0, help="of the whole load, 0-1")
    share = parser.parse_args().share
    count, minutes = round(NUM_PICTURES * share), max(1, round(HOURS * 60 * share))
    with TemporaryDirectory(prefix="fer-keras-load-") as place:
        pictures, clip = Path(place) / "pictures", Path(place) / "clip.mp4"
        pictures.mkdir()
        write_pictures(pictures, count)
        command = ["predict", "quick", str(pictures), "--out", f"{place}/predicted"]
        flat = [is_flat(f"predict, {count:,} pictures", command)]
        write_video(clip, minutes)
        command = ["video", "quick", str(clip), "--out", f"{place}/watched"]
        flat.append(is_flat(f"video, {minutes} minutes", command))
    return 0 if all(flat) else 1


if __name__ == "__main__":
    sys.exit(main())
