#!/usr/bin/env bash
# Prepares one folder with all that `benchmarks/gpu.sh` needs on a machine without internet.
#
#   benchmarks/gpu_pack.sh DIR [FOLDER]     # DIR holds fer2013.csv and the folders train/, test/
#
# FOLDER (build/gpu) gets the packed data in parts, 0/, 1/, ..., the backbone's weights, and wheels
# of what a machine with JAX and the usual packages lacks, for the Python there: PYTHON_VERSION,
# 3.12. It is to travel with the repository, in turns where that is too much at a time; the last
# lines say how large all is.
set -euo pipefail
[ $# -ge 1 ] || { echo "usage: benchmarks/gpu_pack.sh DIR [FOLDER]" >&2; exit 2; }
cd "$(dirname "$0")/.."
data=$1 folder=${2:-build/gpu} python=${PYTHON:-python3}
export PYTHONPATH=$PWD
mkdir -p "$folder"
if [ ! -f "$folder/0/faces.xz" ]; then
    "$python" benchmarks/pack.py pack "$data" "$folder/faces.xz"
    split --bytes=20M --numeric-suffixes --suffix-length=1 "$folder/faces.xz" "$folder/part."
    for part in "$folder"/part.*; do
        mkdir -p "$folder/${part##*.}"
        mv "$part" "$folder/${part##*.}/faces.xz"
    done
    rm "$folder/faces.xz"
fi
backbone=${FER_KERAS_CACHE:-$HOME/.cache/fer_keras}/efficientnet_lite0.weights.h5
[ -f "$backbone" ] || { echo "$backbone is not there; make_backbone.py makes it." >&2; exit 1; }
mkdir -p "$folder/backbone"
cp "$backbone" "$folder/backbone"
lacking=(keras namex optree simplejpeg imagehash)
mapfile -t pinned < <(for name in "${lacking[@]}"; do
    sed -n "s/^\($name==[^ ]*\).*/\1/p" locks/test.txt
done)
rm -rf "$folder/wheels"
"$python" -m pip download --quiet --no-deps --only-binary=:all: --implementation cp \
    --python-version "${PYTHON_VERSION:-3.12}" --platform manylinux_2_28_x86_64 \
    --platform manylinux_2_27_x86_64 --platform manylinux2014_x86_64 \
    --dest "$folder/wheels" "${pinned[@]}"
mebibytes() { awk '{ printf "%6.2f MiB  ", $1 / 2^20 }'; echo "$1"; }
for path in "$folder"/*; do
    find "$path" -type f -printf '%s\n' | awk '{ sum += $1 } END { print sum }' | mebibytes "$path"
done
git ls-files -z | xargs -0 stat -c %s | awk '{ sum += $1 } END { print sum }' \
    | mebibytes "the repository's files"
