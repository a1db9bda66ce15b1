# shellcheck shell=bash disable=SC2154,SC2034,SC2015
# Where the time of a step goes: a few steps of each benchmark again, while CUPTI notes when each kernel begins and ends. That
# costs a little, so that speed is measured without it.
profiled=4

step_profile() {
  local library name recipe layers tokens words
  library=$(cuda_library libdfm_kernel_times.so)
  [ -n "$library" ] && [ "$device" = cuda ] ||
    { row profile all skipped 0 "needs a GPU and libdfm_kernel_times.so, which is built with the tests where there is CUPTI"; return; }
  while IFS='|' read -r name recipe _ tokens words; do
    layers=$(benched_layers "$name") || { row profile "$name" skipped 0 "the step bench has not measured it"; continue; }
    # shellcheck disable=SC2086
    CUDA_INJECTION64_PATH=$library DFM_KERNEL_TIMES=$output/kernels_$name.txt profile "$name" "$recipe" "$layers" dataset.task_encoder_seq_length="$tokens" $words
  done < <(shapes)
}

# profile NAME RECIPE LAYERS WORDS ...
profile() {
  local outside
  # shellcheck disable=SC2046
  attempt profile "$1" train 1 "profile_$1" 150 $(shape_words "$2" "$3" "${@:4}") device.type=cuda checkpoint.save_interval=0 checkpoint.save_last=false \
    train.train_iters=$((3 + profiled)) scheduler.lr_warmup_iters=0 || return
  [ -s "$output/kernels_$1.txt" ] || { row profile "$1" FAILED "$took" "no kernel was noted (runs/profile_$1/log)"; return; }
  sort -n "$output/kernels_$1.txt" | awk -v seconds="$(last_steps "profile_$1")" -v steps=$profiled -f "$here/kernel_shares.awk" \
    > "$output/shares_$1.txt"
  outside=$(sed -n 's/^outside kernels: \([-0-9.]*\) %.*/\1/p' "$output/shares_$1.txt")
  row profile "$1" ok "$took" "$outside % of a step outside kernels; $(sed -n '2,4p' "$output/shares_$1.txt" | cut -c1-60 | tr '\n' ';')"
  figure profile "$1" "percent_outside_kernels=$outside"
}

# The time that the last steps took together.
last_steps() {
  sed -n 's/.*"step_seconds":\([^,}]*\).*/\1/p' "$output/runs/$1/metrics.jsonl" | tail -n $profiled | awk '{ sum += $1 } END { print sum }'
}
