# shellcheck shell=bash disable=SC2154,SC2034,SC2015
# Where the programs are: in the bundle or installation that this check is a part of, in DFM_BIN_DIR, or in the build folder.
find_programs() {
  local folder
  for folder in "${DFM_BIN_DIR:-}" "$here/../../../bin" "$here/../../build/bin"; do
    [ -n "$folder" ] && [ -x "$folder/dfm_train" ] && bin=$(cd "$folder" && pwd) && break
  done
  [ -n "${bin:-}" ] || { echo "dfm-gpu-check: dfm_train is not beside this check: name its folder in DFM_BIN_DIR" >&2; return 1; }
  export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
}

# program NAME: its path, or nothing. Tests and tools of the check may lie beside the programs or in libexec.
program() {
  local path
  for path in "$bin/$1" "$bin/../libexec/$1"; do
    [ ! -x "$path" ] || { echo "$path"; return; }
  done
}

# cuda_library NAME: its path in lib/dfm, or nothing.
cuda_library() {
  local lib
  for lib in lib lib64 lib/x86_64-linux-gnu; do
    [ ! -e "$bin/../$lib/dfm/$1" ] || { echo "$bin/../$lib/dfm/$1"; return; }
  done
}

mpirun_words() {
  local mpirun
  mpirun=$(program mpirun)
  echo "${mpirun:-mpirun} --oversubscribe --bind-to none --mca mpi_yield_when_idle 1 -n $1"
}

# A python3 with PyTorch, or nothing.
python_with_torch() {
  local python
  for python in "${DFM_PYTHON:-python3}" "${LIBTORCH:-/}/../../../../bin/python3"; do
    "$python" -c 'import torch' 2> /dev/null && { echo "$python"; return; }
  done
}
