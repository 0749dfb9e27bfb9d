#!/usr/bin/env bash
# Trains `best` and `vgg8` in full where there is a GPU, at most so many minutes a call.
#
#   benchmarks/gpu.sh FACES OUT [MINUTES]
#
# FACES is what `benchmarks/pack.py pack` made of fer2013.csv: below 64 MiB, to be carried along.
# A training that the time cuts off goes on at the next call after its last complete epoch; a network
# that is done is not trained again. In the end OUT holds both run directories.
set -euo pipefail
faces=$1 out=$2 minutes=${3:-9}
cd "$(dirname "$0")/.."
export PYTHONPATH=$PWD
mkdir -p "$out"
csv=$out/fer2013.csv
[ -f "$csv" ] || python3 benchmarks/pack.py unpack "$faces" "$csv"
finish=$((SECONDS + minutes * 60))
for recipe in best vgg8; do
    left=$((finish > SECONDS ? finish - SECONDS : 1))
    status=0
    timeout --kill-after=20 "$left" \
        python3 -m fer_keras run "$recipe" --data "$csv" --out "$out" || status=$?
    if [ "$status" -eq 124 ] || [ "$status" -eq 137 ]; then
        echo "$recipe is not done; call again with the same OUT."
    fi
    [ "$status" -eq 0 ] || exit "$status"
done
echo "Both are done."
