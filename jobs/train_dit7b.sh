#!/usr/bin/env bash
# Trains DiT-7B (recipe dit_7b). Stops in time before the limit, is requeued, and goes on, until it is finished.
#
#   sbatch jobs/train_dit7b.sh dataset.path=/data/shards checkpoint.save=/data/run1
#   sbatch --gpus-per-node=8 jobs/train_dit7b.sh dataset.path=... checkpoint.save=... ddp.use_megatron_fsdp=true
#   sbatch --nodes=16 --time=12:00:00 jobs/train_dit7b.sh dataset.path=... checkpoint.save=... optimizer.lr=1e-4
#
# Variables (share/doc/slurm.md has them all): DFM_BIN or DFM_MODULES where the programs are; DFM_MPI (pmix);
# DFM_CONTAINER image; DFM_SCRATCH node-local folder to stage the program in; DFM_SRUN_ARGS;
# DFM_REQUEUE (yes), DFM_MAX_RESTARTS (100); DFM_RECIPE (dit_7b).
#SBATCH --job-name=dfm-dit7b
#SBATCH --output=%x-%j.out
#SBATCH --nodes=4
#SBATCH --ntasks-per-node=8
#SBATCH --exclusive
#SBATCH --time=24:00:00
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --signal=B:USR1@300

# Slurm runs a copy of this file; common.sh lies beside the original.
original=$(scontrol show job "${SLURM_JOB_ID:-0}" 2> /dev/null | sed -n 's/^ *Command=//p')
original=${original%%.sh*}
for jobs in "${DFM_JOBS:-}" "$(dirname "$0")" "${original%/*}" "${SLURM_SUBMIT_DIR:-.}/jobs"; do
  [ ! -r "$jobs/common.sh" ] || break
done
# shellcheck source=jobs/common.sh
. "$jobs/common.sh" || { echo "jobs/common.sh is not found: set DFM_JOBS to its folder" >&2; exit 2; }

dfm_job_train --recipe "${DFM_RECIPE:-dit_7b}" "$@"
