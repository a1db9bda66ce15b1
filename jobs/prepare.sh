#!/usr/bin/env bash
# Pictures to shards: dfm_prepare, the ranks share the pictures.
#
#   sbatch --ntasks=32 jobs/prepare.sh /data/pictures /data/shards --height 256 --width 256
#   sbatch --ntasks=8 --gpus-per-task=1 jobs/prepare.sh /data/videos /data/shards --height 480 --width 832 \
#     encoders.codec=wan:/models/wan encoders.text=umt5:/models/wan
#
# Variables (share/doc/slurm.md has them all): DFM_BIN or DFM_MODULES where the programs are; DFM_MPI (pmix);
# DFM_CONTAINER image; DFM_SCRATCH node-local folder to stage the program in; DFM_SRUN_ARGS.
#SBATCH --job-name=dfm-prepare
#SBATCH --output=%x-%j.out
#SBATCH --ntasks=8
#SBATCH --time=04:00:00
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

dfm_job_tool dfm_prepare "$@"
