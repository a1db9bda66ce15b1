#!/usr/bin/env bash
# Trains on some of the job's nodes and keeps the others as spares: when a node is lost, training starts again from the
# newest checkpoint inside this allocation, on the nodes that are left, without a wait in the queue.
#
#   sbatch --nodes=9 jobs/train_spare_nodes.sh dataset.path=/data/shards checkpoint.save=/data/run1
#
# Variables (share/doc/slurm.md has them all): DFM_BIN or DFM_MODULES where the programs are; DFM_MPI (pmix);
# DFM_CONTAINER image; DFM_SCRATCH node-local folder to stage the program in; DFM_SRUN_ARGS;
# DFM_REQUEUE (yes), DFM_MAX_RESTARTS (100); DFM_RECIPE (dit_xl).
# DFM_SPARE_NODES (1) or DFM_RUN_NODES; DFM_MIN_NODES (1) to go on with; DFM_PROBE_SECONDS (30) until a node counts as
# lost.
#SBATCH --job-name=dfm-spare
#SBATCH --output=%x-%j.out
#SBATCH --nodes=5
#SBATCH --ntasks-per-node=8
#SBATCH --exclusive
#SBATCH --no-kill
#SBATCH --time=24:00:00
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --signal=B:USR1@300

: "${DFM_SPARE_NODES:=1}"

# Slurm runs a copy of this file; common.sh lies beside the original.
original=$(scontrol show job "${SLURM_JOB_ID:-0}" 2> /dev/null | sed -n 's/^ *Command=//p')
original=${original%%.sh*}
for jobs in "${DFM_JOBS:-}" "$(dirname "$0")" "${original%/*}" "${SLURM_SUBMIT_DIR:-.}/jobs"; do
  [ ! -r "$jobs/common.sh" ] || break
done
# shellcheck source=jobs/common.sh
. "$jobs/common.sh" || { echo "jobs/common.sh is not found: set DFM_JOBS to its folder" >&2; exit 2; }

dfm_job_train_on_spare_nodes --recipe "${DFM_RECIPE:-dit_xl}" "$@"
