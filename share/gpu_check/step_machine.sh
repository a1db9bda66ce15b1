# shellcheck shell=bash disable=SC2154,SC2034,SC2015
# The machine and its ceilings.
step_machine() {
  local log=$output/machine.log ceilings name
  if command -v nvidia-smi > /dev/null && nvidia-smi --query-gpu=name,driver_version,memory.total,clocks.max.sm,power.limit \
    --format=csv,noheader > "$log" 2>&1; then
    row machine GPU ok 0 "$(head -1 "$log")"
  elif [ "$device" = cuda ]; then
    row machine GPU FAILED 0 "nvidia-smi shows none"
  fi
  row machine host ok 0 "$(nproc) processors, $(awk '/MemTotal/ { printf "%.0f GiB", $2 / 2^20 }' /proc/meminfo), $(uname -r)"
  name=$(program dfm_gpu_ceilings)
  [ -n "$name" ] || { row machine ceilings skipped 0 "dfm_gpu_ceilings is not installed"; return; }
  if bounded 60 "$output/ceilings.log" "$name" "$device"; then
    ceilings=$(tr '\n' ' ' < "$output/ceilings.log")
    row machine ceilings ok 0 "$ceilings"
    # shellcheck disable=SC2086
    figure machine ceilings $ceilings
  else
    row machine ceilings FAILED 0 "$(why $? "$output/ceilings.log")"
  fi
}

# ceiling KEY: a figure of dfm_gpu_ceilings.
ceiling() { sed -n "s/^$1=//p" "$output/ceilings.log" 2> /dev/null; }
