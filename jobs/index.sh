#!/usr/bin/env bash
# Shards to a data set: dfm_index, the ranks share the shards.
#
#   sbatch jobs/index.sh /data/shards --split-ratio 9,1,0
#
# Variables (share/doc/slurm.md has them all): DFM_BIN or DFM_MODULES where the programs are; DFM_MPI (pmix);
# DFM_CONTAINER image; DFM_SCRATCH node-local folder to stage the program in; DFM_SRUN_ARGS.
#SBATCH --job-name=dfm-index
#SBATCH --output=%x-%j.out
#SBATCH --ntasks=8
#SBATCH --time=02:00:00
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

dfm_job_tool dfm_index "$@"
