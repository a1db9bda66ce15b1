#!/usr/bin/env bash
# Trains WAN 2.1 14B (recipe wan_14b). Stops in time before the limit, is requeued, and goes on, until it is
# finished.
#
#   sbatch jobs/train_wan14b.sh dataset.path=/data/shards checkpoint.save=/data/run1
#   sbatch --gpus-per-node=8 --ntasks-per-node=8 jobs/train_wan14b.sh dataset.path=... ddp.use_megatron_fsdp=true
#   DFM_RECIPE=wan_1_3b sbatch --nodes=2 jobs/train_wan14b.sh dataset.path=... checkpoint.save=...
#
# Data parallel: every rank holds the whole model, and the optimizer's state is divided. A rank needs 6 bytes a
# parameter (bf16 weights, fp32 gradients: 86 GB), its share of 16 more (229 GB over all ranks), and what a pack's
# activations take. Hence one rank a node by default; raise --ntasks-per-node where memory allows it.
#
# Variables (share/doc/slurm.md has them all): DFM_BIN or DFM_MODULES where the programs are; DFM_MPI (pmix);
# DFM_CONTAINER image; DFM_SCRATCH node-local folder to stage the program in; DFM_SRUN_ARGS;
# DFM_REQUEUE (yes), DFM_MAX_RESTARTS (100); DFM_RECIPE (wan_14b).
#SBATCH --job-name=dfm-wan14b
#SBATCH --output=%x-%j.out
#SBATCH --nodes=4
#SBATCH --ntasks-per-node=1
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

dfm_job_train --recipe "${DFM_RECIPE:-wan_14b}" "$@"
