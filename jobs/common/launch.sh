# shellcheck shell=bash disable=SC2154,SC2034
# How a program is started: where it lies, in which container, by srun.

# dfm_find PROGRAM: the program's path, or its bare name where the container's PATH decides.
dfm_find() {
  local folder
  if [ -n "$DFM_BIN" ]; then echo "$DFM_BIN/$1"; return; fi
  if [ -n "$DFM_CONTAINER" ]; then echo "$1"; return; fi
  # Installed beside this file, or built in the source tree that this file belongs to.
  for folder in "$dfm_jobs/../../../bin" "$dfm_jobs/../build/bin"; do
    [ ! -x "$folder/$1" ] || { echo "$(cd "$folder" && pwd)/$1"; return; }
  done
  command -v "$1" || dfm_refuse "$1 is not found" "set DFM_BIN to the folder of the programs, or DFM_MODULES"
}

# Sets dfm_srun and dfm_inside: the words that stand before and after the container's border.
dfm_build_launcher() {
  local srun_words container_words
  read -ra srun_words <<< "$DFM_SRUN_ARGS"
  read -ra container_words <<< "$DFM_CONTAINER_ARGS"
  dfm_srun=(srun "--mpi=$DFM_MPI" "--wait=$DFM_STRAGGLER_SECONDS" "${srun_words[@]}")
  dfm_inside=()
  case $(dfm_container_runtime) in
    none) ;;
    pyxis) dfm_srun+=("--container-image=$DFM_CONTAINER" "${container_words[@]}") ;;
    apptainer) dfm_inside=(apptainer exec "${container_words[@]}" "$DFM_CONTAINER") ;;
    *) dfm_refuse "DFM_CONTAINER_RUNTIME = '$DFM_CONTAINER_RUNTIME' is not known" "pyxis or apptainer" ;;
  esac
  # A signal that comes before the program listens waits for it instead of killing it.
  [ -n "$DFM_CONTAINER" ] || ! env --block-signal=TERM true 2> /dev/null ||
    dfm_inside+=(env "--block-signal=TERM,USR1,USR2")
}

dfm_container_runtime() {
  if [ -z "$DFM_CONTAINER" ]; then
    echo none
  elif [ -n "$DFM_CONTAINER_RUNTIME" ]; then
    echo "$DFM_CONTAINER_RUNTIME"
  elif srun --help 2> /dev/null | grep -q -e --container-image; then
    echo pyxis
  else
    echo apptainer
  fi
}

# dfm_start PROGRAM WORD...: in the background, on all nodes of dfm_nodes (all of the job where that is empty).
dfm_start() {
  local program place=()
  program=$(dfm_find "$1") || exit 2
  shift
  dfm_build_launcher
  [ -z "${dfm_nodes:-}" ] || dfm_placement place
  dfm_say "starting $program on ${dfm_nodes:-$SLURM_JOB_NODELIST}"
  "${dfm_srun[@]}" "${place[@]}" "${dfm_inside[@]}" "$program" "$@" &
  dfm_srun_pid=$!
}

# dfm_run PROGRAM WORD...: to its end; its exit code is in dfm_code.
dfm_run() {
  if [ -n "$dfm_asked" ] || dfm_preempted; then
    dfm_say "asked to stop (${dfm_asked:-preempted}) before the start"
    dfm_code=75
    return
  fi
  dfm_start "$@"
  dfm_wait
}

# dfm_ask PROGRAM WORD...: one task; prints what the program prints.
dfm_ask() {
  local program
  program=$(dfm_find "$1") || exit 2
  shift
  dfm_build_launcher
  "${dfm_srun[@]}" --nodes=1 --ntasks=1 "${dfm_inside[@]}" "$program" "$@"
}

dfm_leave() {
  dfm_unstage
  exit "$1"
}
