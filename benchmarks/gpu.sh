#!/usr/bin/env bash
# Trains comparisons and networks where there is a GPU, in one call.
#
#   benchmarks/gpu.sh FOLDER WORK OUT [MINUTES [JOB...]]
#
# FOLDER is what `benchmarks/gpu_pack.sh` prepared. WORK keeps data and runs: another call with the
# same WORK goes on after the last complete epochs and trains nothing twice. OUT gets what has come
# of it, in parts of 15 MiB; `cat OUT/runs.tar.* | tar -x -C DIR` unpacks them. The call ends after
# MINUTES (9). JOBs are some of those below, comparisons, recipes, `ablations`, or `distilled`, which
# takes all of the time; they run in turn, each with AT_ONCE (8) trainings at a time. CHANGES are
# more options of comparisons and recipes, as in CHANGES="--set epochs=1" for a trial; what is done
# with some CHANGES is not done with others.
set -euo pipefail
folder=$(realpath "$1") work=$(realpath -m "$2") out=$(realpath -m "$3") minutes=${4:-9}
at_once=${AT_ONCE:-8}
seconds_to_pack=25
finish=$((minutes * 60 - seconds_to_pack))
jobs=("${@:5}")
[ $# -gt 4 ] || jobs=(from-scratch-vs-pretrained vgg8 same_images speed)
changed=${CHANGES:+.$(cksum <<< "$CHANGES" | tr ' ' -)}  # ends the names of a job's mark and log
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

# Print the arguments of python3 for a job.
arguments() {
    local place="--data $work/data --out $work/runs/$1" changes=${CHANGES:-} seeds=3
    case $1 in
        distilled) echo "benchmarks/distil.py $work/data $work/runs/$1 --at-once $at_once" ;;
        ablations) echo "benchmarks/ablations.py $work/data $work/runs/$1 --at-once $at_once" ;;
        speed) echo "benchmarks/run.py $work/data --only torch --record $work/speed.csv" ;;
        *)
            [ "$1" != same_images ] || seeds=10
            echo "-m fer_keras compare $1 --seeds $seeds --jobs $at_once $changes $place"
            ;;
    esac
}

# What the time cuts off is not marked as done.
for name in "${jobs[@]}"; do
    left=$((finish - SECONDS)) status=0 log=$work/logs/$name$changed.log
    [ ! -f "$work/done/$name$changed" ] && [ "$left" -gt 0 ] || continue
    read -ra words <<< "$(arguments "$name")"
    timeout --kill-after=10 "$left" python3 "${words[@]}" >> "$log" 2>&1 || status=$?
    [ "$status" -ne 0 ] || touch "$work/done/$name$changed"
    echo "After $SECONDS s $name has ended with $status."
done

for name in "${jobs[@]}"; do
    if [ -f "$work/done/$name$changed" ]; then
        echo "$name is done."
    else
        log=$work/logs/$name$changed.log
        echo "$name is not done. $(grep -h '^fer-keras: ' "$log" 2>&1 | tail -n 1)"
    fi
done
python3 benchmarks/bring.py "$work" "$out" "${jobs[@]}"
echo "After $SECONDS s all is packed."
