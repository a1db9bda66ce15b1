# shellcheck shell=bash disable=SC2154,SC2034,SC2015
# Stopped and resumed, training gives the bits of a run that was not disturbed; so does training twice.
step_resume() {
  # The fastest gradients of attention are not the same each time.
  local words=("${small[@]}" train.train_iters=8 device.type="$device" device.deterministic=true)
  local twice="the same run twice" parts="stopped and resumed"
  attempt resume "$twice" train 1 resume_whole 60 "${words[@]}" || return
  attempt resume "$twice" train 1 resume_twice 60 "${words[@]}" && same_bits "$twice" resume_whole resume_twice
  attempt resume "$parts" train 1 resume_parts 60 "${words[@]}" --stop-after-steps 3 &&
    attempt resume "$parts" again 1 resume_parts 60 "${words[@]}" && same_bits "$parts" resume_whole resume_parts
}

# The elements of a run's weights; the header before them also holds its configuration.
elements() {
  local file=$output/runs/$1/w.safetensors
  tail -c "+$((9 + $(od -An -t d8 -N 8 "$file")))" "$file"
}

# same_bits NAME A B: their losses and the weights of their last checkpoints.
same_bits() {
  local run
  for run in "$2" "$3"; do
    rm -f "$output/runs/$run/w.safetensors"
    bounded 60 "$output/runs/$run/merge.log" "$bin/dfm_consolidate" "$output/runs/$run" "$output/runs/$run/w.safetensors" ||
      { row resume "$1" FAILED "$took" "the checkpoint cannot be merged: $(why $? "$output/runs/$run/merge.log")"; return; }
  done
  if ! cmp -s <(losses "$2") <(losses "$3"); then
    row resume "$1" FAILED "$took" "losses differ: $(paste <(losses "$2") <(losses "$3") | awk '$1 != $2 { print "step " NR ": " $1 " and " $2; exit }')"
  elif ! cmp -s <(elements "$2") <(elements "$3"); then
    row resume "$1" FAILED "$took" "weights differ"
  else
    row resume "$1" ok "$took" "losses and weights have the same bits"
  fi
}
