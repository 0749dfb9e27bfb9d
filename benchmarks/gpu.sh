#!/usr/bin/env bash
# Trains comparisons and networks where there is a GPU, in one call.
#
#   benchmarks/gpu.sh FOLDER WORK OUT [MINUTES [JOB...]]
#
# FOLDER is what `benchmarks/gpu_pack.sh` prepared. WORK keeps data and runs: another call with the
# same WORK goes on after the last complete epochs and trains nothing twice. OUT gets what has come
# of it, in parts of 15 MiB; `cat OUT/runs.tar.* | tar -x -C DIR` unpacks them. The call ends after
# MINUTES (9). A JOB is one of those below, a comparison, a recipe, `ablations`, or `distilled`,
# which takes all of the time; options of the job may follow it, as in "better --set epochs=1".
# Jobs run in turn, each with AT_ONCE (8) trainings at a time: more of them slow each other down.
set -euo pipefail
[ $# -ge 3 ] || { echo "usage: benchmarks/gpu.sh FOLDER WORK OUT [MINUTES [JOB...]]" >&2; exit 2; }
[ -d "$1" ] || { echo "$1 is no folder; benchmarks/gpu_pack.sh prepares it." >&2; exit 1; }
folder=$(realpath "$1") work=$(realpath -m "$2") out=$(realpath -m "$3") minutes=${4:-9}
at_once=${AT_ONCE:-8}
seconds_to_pack=25
finish=$((minutes * 60 - seconds_to_pack))
jobs=("${@:5}")
[ $# -gt 4 ] || jobs=("networks --set epochs=60" from-scratch-vs-pretrained speed)
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
    mkdir -p "$FER_KERAS_CACHE"
    cp "$folder"/backbone/* "$FER_KERAS_CACHE"
fi
echo "After $SECONDS s all is unpacked."

# Print the arguments of python3 for a job with its options.
arguments() {
    local name=$1 options="${*:2}"
    local place="--data $work/data --out $work/runs/$name" seeds=3
    case $name in
        distilled | ablations)
            [ "$name" != distilled ] || name=distil
            echo "benchmarks/$name.py $work/data $work/runs/$1 --at-once $at_once $options"
            ;;
        speed) echo "benchmarks/run.py $work/data --only torch --record $work/speed.csv $options" ;;
        *)
            [ "$name" != same_images ] || seeds=10
            echo "-m fer_keras compare $name --seeds $seeds --jobs $at_once $options $place"
            ;;
    esac
}

# Print the name of a job's mark and log, which differs with its options.
mark_of() {
    echo "$1$([ $# -eq 1 ] || echo ".$(cksum <<< "${*:2}" | tr ' ' -)")"
}

# What the time cuts off is not marked as done.
for job in "${jobs[@]}"; do
    read -ra words <<< "$job"
    left=$((finish - SECONDS)) status=0 mark=$(mark_of "${words[@]}")
    log=$work/logs/$mark.log
    [ ! -f "$work/done/$mark" ] && [ "$left" -gt 0 ] || continue
    read -ra command <<< "$(arguments "${words[@]}")"
    timeout --kill-after=10 "$left" python3 "${command[@]}" >> "$log" 2>&1 || status=$?
    [ "$status" -ne 0 ] || touch "$work/done/$mark"
    echo "After $SECONDS s $job has ended with $status."
done

names=()
for job in "${jobs[@]}"; do
    read -ra words <<< "$job"
    names+=("${words[0]}")
    mark=$(mark_of "${words[@]}")
    if [ -f "$work/done/$mark" ]; then
        echo "$job is done."
    else
        echo "$job is not done. $(grep -h '^fer-keras: ' "$work/logs/$mark.log" 2>&1 | tail -n 1)"
    fi
done
python3 benchmarks/bring.py "$work" "$out" "${names[@]}"
echo "After $SECONDS s all is packed."
