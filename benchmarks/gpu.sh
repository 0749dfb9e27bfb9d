#!/usr/bin/env bash
# Trains our networks, teachers and the headline comparison where there is a GPU, in one call.
#
#   benchmarks/gpu.sh FOLDER WORK OUT [MINUTES [JOB...]]
#
# FOLDER is what `benchmarks/gpu_pack.sh` prepared. WORK keeps data and runs: another call with the
# same WORK goes on after the last complete epochs and trains nothing twice. OUT gets what has come
# of it, in parts of 15 MiB; `cat OUT/runs.tar.* | tar -x -C DIR` unpacks them. The call ends after
# MINUTES (9). JOBs are some of those below, or recipes; AT_ONCE (6) run at a time. `speed` waits
# for the others. CHANGES are more options, as in CHANGES="--set epochs=1" for a trial.
set -euo pipefail
folder=$(realpath "$1") work=$(realpath -m "$2") out=$(realpath -m "$3") minutes=${4:-9}
at_once=${AT_ONCE:-6}
seconds_to_pack=25
finish=$((minutes * 60 - seconds_to_pack))
jobs=("${@:5}")
[ $# -gt 4 ] || jobs=(best best-1 best-2 mixup-3 mixup-4 faces vgg8 same_images speed)
read -ra changes <<< "${CHANGES:-}"
cd "$(dirname "$0")/.."
mkdir -p "$work/done" "$work/logs" "$out"

# What the machine lacks, once; what it has stays, for its JAX and PyTorch fit its driver.
wheels=("$folder"/wheels/*.whl)
if [ -f "${wheels[0]}" ] && [ ! -f "$work/done/.packages" ]; then
    python3 -m pip install --quiet --no-index --no-deps --no-compile --upgrade \
        --target "$work/site" "${wheels[@]}"
    touch "$work/done/.packages"
fi
export PYTHONPATH=$PWD:$work/site KERAS_BACKEND=${KERAS_BACKEND:-jax} PYTHONUNBUFFERED=1
export FER_KERAS_CACHE=$work/cache JAX_COMPILATION_CACHE_DIR=$work/compiled OMP_NUM_THREADS=2
export XLA_PYTHON_CLIENT_PREALLOCATE=false  # else the first process would take all of the GPU
if [ ! -f "$work/data/fer2013.csv" ]; then
    cat "$folder"/[0-9]/faces.xz > "$work/faces.xz"
    python3 benchmarks/pack.py unpack "$work/faces.xz" "$work/data"
fi
echo "After $SECONDS s all is unpacked."

# Print the arguments of fer-keras for a job.
arguments() {
    case $1 in
        best-*) echo "run best --set seed=${1#*-}" ;;
        mixup-*) echo "run best --set mixup=0.4 --set seed=${1#*-}" ;;
        same_images) echo "compare same_images --seeds 10 --jobs $at_once" ;;
        *) echo "run $1" ;;
    esac
}

# do_job NAME COMMAND...: what the time cuts off is not marked as done.
do_job() {
    local name=$1 left=$((finish - SECONDS)) status=0
    shift
    [ "$left" -gt 0 ] || return 0
    timeout --kill-after=10 "$left" "$@" >> "$work/logs/$name.log" 2>&1 || status=$?
    [ "$status" -ne 0 ] || touch "$work/done/$name"
}

is_to_do() { [[ " ${jobs[*]} " = *" $1 "* ]] && [ ! -f "$work/done/$1" ]; }

for name in "${jobs[@]}"; do
    [ "$name" != speed ] && is_to_do "$name" || continue
    while [ "$(jobs -rp | wc -l)" -ge "$at_once" ]; do wait -n; done
    read -ra words <<< "$(arguments "$name")"
    do_job "$name" python3 -m fer_keras "${words[@]}" "${changes[@]}" --data "$work/data" \
        --out "$work/runs/$name" &
done
wait
if is_to_do speed; then
    do_job speed python3 benchmarks/run.py "$work/data" --only torch --record "$work/speed.csv"
fi

for name in "${jobs[@]}"; do
    if [ -f "$work/done/$name" ]; then
        echo "$name is done."
    else
        echo "$name is not done. $(grep -h '^fer-keras: ' "$work/logs/$name.log" 2>&1 | tail -n 1)"
    fi
done
python3 benchmarks/bring.py "$work" "$out" "${jobs[@]}"
echo "After $SECONDS s all is packed."
