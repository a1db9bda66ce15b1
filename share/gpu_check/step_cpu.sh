# shellcheck shell=bash disable=SC2154,SC2034,SC2015
# Training on the device against training on the CPU: the same losses in fp32, and within bf16's noise in bf16.
step_cpu() {
  local family families="dit wan moviegen stdit ecdit"
  [ "$profile" = full ] || families="dit wan ecdit"
  for family in $families; do
    # shellcheck disable=SC2046
    both_devices "$family fp32" "fp32_$family" 1e-4 "${tiny[@]}" $(family_words "$family") train.precision=fp32 train.train_iters=20
  done
  both_devices "DiT-S, 4 layers, fp32" fp32_small 1e-4 "${small[@]}" train.precision=fp32 train.train_iters=20
  bf16_noise
}

# both_devices NAME RUN BOUND WORDS ...
both_devices() {
  attempt cpu "$1" train 1 "$2_cpu" 120 "${@:4}" device.type=cpu &&
    attempt cpu "$1" train 1 "$2" 60 "${@:4}" device.type="$device" &&
    compare cpu "$1" "$2" "$2_cpu" "$3"
}

# The noise is what the CPU's own bf16 run differs by.
bf16_noise() {
  local title="bf16, 50 steps" words=("${small[@]}" train.train_iters=50) noise
  attempt cpu "$title" train 1 noise_fp32_cpu 120 "${words[@]}" train.precision=fp32 device.type=cpu &&
    attempt cpu "$title" train 1 noise_bf16_cpu 120 "${words[@]}" device.type=cpu &&
    attempt cpu "$title" train 1 noise_bf16 60 "${words[@]}" device.type="$device" || return
  noise=$(difference noise_bf16_cpu noise_fp32_cpu | awk '{ printf "%.2e", 2 * $2 + 1e-3 }')
  compare cpu "$title" noise_bf16 noise_fp32_cpu "$noise"
}
