# shellcheck shell=bash disable=SC2034
# With DFM_SCRATCH (a folder on each node's own disk): the program, its libraries and the recipes are read once from the
# shared file system and sent to all nodes by sbcast, so that a thousand ranks do not load LibTorch from it at once.
# Staging only makes the start quicker: where it fails, the shared program is used.
dfm_staged=''

# dfm_on_all_nodes WORD...: once on each node that is still there.
dfm_on_all_nodes() {
  local count
  count=$(dfm_job_nodes | grep -c .)
  timeout -k 5 600 srun --mpi=none --overlap "--nodes=$count" "--ntasks=$count" --ntasks-per-node=1 "$@"
}

# dfm_stage PROGRAM
dfm_stage() {
  [ -n "$DFM_SCRATCH" ] || return 0
  [ -z "$DFM_CONTAINER" ] || { dfm_say "DFM_SCRATCH is not used with a container"; return 0; }
  local program prefix folder
  program=$(dfm_find "$1") || exit 2
  prefix=$(cd "$(dirname "$program")/.." && pwd)
  folder=$DFM_SCRATCH/dfm-$SLURM_JOB_ID
  if dfm_broadcast "$prefix" "$1" "$folder"; then
    dfm_staged=$folder
    DFM_BIN=$folder/bin
  else
    dfm_say "warning: nothing could be staged in $folder: using $program"
  fi
}

# dfm_broadcast PREFIX PROGRAM FOLDER
dfm_broadcast() {
  local parts=("bin/$2") part
  for part in lib/dfm lib64/dfm share/dfm/recipes; do
    [ ! -e "$1/$part" ] || parts+=("$part")
  done
  dfm_on_all_nodes mkdir -p "$3" &&
    tar -chf "$3/dfm.tar.partial" -C "$1" "${parts[@]}" &&
    sbcast --force "$3/dfm.tar.partial" "$3/dfm.tar" &&
    dfm_on_all_nodes tar -xf "$3/dfm.tar" -C "$3" &&
    dfm_say "staged ${parts[*]} in $3 on $SLURM_JOB_NUM_NODES nodes"
}

dfm_unstage() {
  [ -n "$dfm_staged" ] || return 0
  dfm_on_all_nodes rm -rf "$dfm_staged" 2> /dev/null
  dfm_staged=''
}
