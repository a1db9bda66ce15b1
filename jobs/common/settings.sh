# shellcheck shell=bash
# Variables, what they default to, and what they may be.

dfm_say() { printf '%s dfm job %s: %s\n' "$(date +%T)" "${SLURM_JOB_ID:-}" "$*"; }

dfm_refuse() {
  dfm_say "error: $1" >&2
  dfm_say "hint: $2" >&2
  exit 2
}

# dfm_whole_number NAME: the variable of that name is a whole number.
dfm_whole_number() {
  [[ ${!1} =~ ^[0-9]{1,9}$ ]] || dfm_refuse "$1 = '${!1}' is not a whole number" "unset $1 to have the default"
}

# dfm_yes_or_no NAME
dfm_yes_or_no() {
  [[ ${!1} == yes || ${!1} == no ]] || dfm_refuse "$1 = '${!1}' is neither yes nor no" "export $1=yes or $1=no"
}

dfm_settings() {
  [ -n "${SLURM_JOB_ID:-}" ] || dfm_refuse "this is not a Slurm job" "sbatch $0"
  : "${DFM_BIN:=}" "${DFM_MPI:=pmix}" "${DFM_SRUN_ARGS:=}" "${DFM_MODULES:=}" "${DFM_SCRATCH:=}"
  : "${DFM_CONTAINER:=}" "${DFM_CONTAINER_RUNTIME:=}" "${DFM_CONTAINER_ARGS:=}"
  : "${DFM_REQUEUE:=yes}" "${DFM_MAX_RESTARTS:=100}"
  : "${DFM_STRAGGLER_SECONDS:=60}" "${DFM_NODE_FAIL_SECONDS:=600}" "${DFM_PROBE_SECONDS:=30}"
  : "${DFM_RUN_NODES:=}" "${DFM_SPARE_NODES:=0}" "${DFM_MIN_NODES:=1}"
  local name
  for name in DFM_MAX_RESTARTS DFM_STRAGGLER_SECONDS DFM_NODE_FAIL_SECONDS DFM_PROBE_SECONDS DFM_SPARE_NODES \
    DFM_MIN_NODES; do
    dfm_whole_number "$name"
  done
  dfm_yes_or_no DFM_REQUEUE
  # srun does not take this over by itself since Slurm 22.05.
  [ -z "${SLURM_CPUS_PER_TASK:-}" ] || export SRUN_CPUS_PER_TASK=$SLURM_CPUS_PER_TASK
}

dfm_modules() {
  [ -n "$DFM_MODULES" ] || return 0
  local setup names
  for setup in /etc/profile.d/modules.sh /etc/profile.d/lmod.sh; do
    # shellcheck source=/dev/null
    [ "$(type -t module)" = function ] || [ ! -r "$setup" ] || { set +u; . "$setup"; set -u; }
  done
  [ "$(type -t module)" = function ] ||
    dfm_refuse "DFM_MODULES = '$DFM_MODULES', but this node knows no module command" "unset it, or set DFM_BIN instead"
  read -ra names <<< "$DFM_MODULES"
  set +u
  module load "${names[@]}" || dfm_refuse "module load $DFM_MODULES failed" "module avail lists what there is"
  set -u
}

# The exit codes of dfm in words.
dfm_meaning() {
  case $1 in
    0) echo "finished" ;;
    1) echo "a mistake in dfm, a failed launch, or numbers that are no longer finite" ;;
    2) echo "options or configuration" ;;
    3) echo "input data" ;;
    4) echo "file system, permission, full disk" ;;
    5) echo "no valid checkpoint where one is needed" ;;
    6) echo "a rank stopped making progress" ;;
    7) echo "finished, with items left out" ;;
    75) echo "stopped early, resumable" ;;
    *) if [ "$1" -gt 128 ]; then echo "killed by signal $(($1 - 128))"; else echo "not a code of dfm"; fi ;;
  esac
}
