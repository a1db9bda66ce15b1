#!/usr/bin/env bash
# Trains the demo's model of handwritten digits: small, runs anywhere, also a first test of a site's Slurm and MPI.
#
#   sbatch jobs/prepare.sh --recipe digits share/demo/digits.tar.gz /data/digits
#   sbatch jobs/index.sh --recipe digits /data/digits
#   sbatch jobs/train_digits.sh dataset.path=/data/digits checkpoint.save=/data/run1
#
# Variables (share/doc/slurm.md has them all): DFM_BIN or DFM_MODULES where the programs are; DFM_MPI (pmix);
# DFM_CONTAINER image; DFM_SCRATCH node-local folder to stage the program in; DFM_SRUN_ARGS;
# DFM_REQUEUE (yes), DFM_MAX_RESTARTS (100); DFM_RECIPE (digits).
#SBATCH --job-name=dfm-digits
#SBATCH --output=%x-%j.out
#SBATCH --ntasks=2
#SBATCH --time=01:00:00
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --signal=B:USR1@120

# Slurm runs a copy of this file; common.sh lies beside the original.
original=$(scontrol show job "${SLURM_JOB_ID:-0}" 2> /dev/null | sed -n 's/^ *Command=//p')
original=${original%%.sh*}
for jobs in "${DFM_JOBS:-}" "$(dirname "$0")" "${original%/*}" "${SLURM_SUBMIT_DIR:-.}/jobs"; do
  [ ! -r "$jobs/common.sh" ] || break
done
# shellcheck source=jobs/common.sh
. "$jobs/common.sh" || { echo "jobs/common.sh is not found: set DFM_JOBS to its folder" >&2; exit 2; }

dfm_job_train --recipe "${DFM_RECIPE:-digits}" "$@"
