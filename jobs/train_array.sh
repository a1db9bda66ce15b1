#!/usr/bin/env bash
# Trains without requeueing, for sites that forbid it: the tasks of an array, one after another, each of which goes on
# where the one before stopped. When the run is finished, or cannot go on, the tasks that are left are cancelled.
#
#   sbatch --array=1-20%1 jobs/train_array.sh dataset.path=/data/shards checkpoint.save=/data/run1
#
# Variables (share/doc/slurm.md has them all): DFM_BIN or DFM_MODULES where the programs are; DFM_MPI (pmix);
# DFM_CONTAINER image; DFM_SCRATCH node-local folder to stage the program in; DFM_SRUN_ARGS;
# DFM_RECIPE (dit_xl).
#SBATCH --job-name=dfm-array
#SBATCH --output=%x-%A_%a.out
#SBATCH --array=1-10%1
#SBATCH --nodes=1
#SBATCH --ntasks-per-node=8
#SBATCH --time=24:00:00
#SBATCH --no-requeue
#SBATCH --open-mode=append
#SBATCH --signal=B:USR1@300

DFM_REQUEUE=no

# Slurm runs a copy of this file; common.sh lies beside the original.
original=$(scontrol show job "${SLURM_JOB_ID:-0}" 2> /dev/null | sed -n 's/^ *Command=//p')
original=${original%%.sh*}
for jobs in "${DFM_JOBS:-}" "$(dirname "$0")" "${original%/*}" "${SLURM_SUBMIT_DIR:-.}/jobs"; do
  [ ! -r "$jobs/common.sh" ] || break
done
# shellcheck source=jobs/common.sh
. "$jobs/common.sh" || { echo "jobs/common.sh is not found: set DFM_JOBS to its folder" >&2; exit 2; }

[ -n "${SLURM_ARRAY_JOB_ID:-}" ] || dfm_refuse "this job is no array" "sbatch --array=1-10%1 $0"

dfm_go_on() { dfm_say "the next task of the array goes on from $(dfm_where) ($(dfm_cause))"; }

dfm_at_the_end() {
  dfm_say "cancelling the tasks of the array that are left"
  scancel --state=PENDING "$SLURM_ARRAY_JOB_ID"
}

dfm_job_train --recipe "${DFM_RECIPE:-dit_xl}" "$@"
