# shellcheck shell=bash disable=SC2154,SC2034,SC2015
# Every kernel against plain ATen: each suite in a process of its own, so that a kernel that breaks the device hides no other.
step_kernels() {
  local tests suite
  tests=$(program cuda_kernels)
  [ -n "$tests" ] || { row kernels all skipped 0 "cuda_kernels is not here: dfm was built without nvcc or without tests"; return; }
  bounded 60 "$output/suites" "$tests" --gtest_list_tests ||
    { row kernels all FAILED 0 "$(why $? "$output/suites")"; return; }
  while read -r suite; do
    run_suite "$tests" "${suite%.}"
  done < <(grep -oE '^[A-Za-z0-9_/]+\.' "$output/suites")
  [ "$sanitize" = no ] || sanitize_kernels "$tests"
}

run_suite() {
  local log=$output/kernels_${2//\//_}.log code=0 begin=$SECONDS counts
  bounded 120 "$log" "$1" --gtest_filter="$2.*" || code=$?
  counts="$(grep -c '\[       OK' "$log") tests ok"
  if [ $code -ne 0 ]; then
    row kernels "$2" FAILED $((SECONDS - begin)) "$counts; $(grep -aE '^\[  FAILED  \] [A-Za-z]' "$log" | sort -u | head -4 | sed 's/.*] //' | tr '\n' ' ')$(why $code "$log")"
  elif grep -q '\[  SKIPPED' "$log"; then
    row kernels "$2" skipped $((SECONDS - begin)) "$counts; the rest needs a GPU"
  else
    row kernels "$2" ok $((SECONDS - begin)) "$counts"
  fi
}

sanitize_kernels() {
  local tool=compute-sanitizer check log code
  command -v $tool > /dev/null || tool=/usr/local/cuda/bin/compute-sanitizer
  [ -x "$(command -v $tool)" ] || { row kernels sanitizer skipped 0 "compute-sanitizer is not here"; return; }
  for check in memcheck racecheck; do
    log=$output/$check.log code=0
    local begin=$SECONDS
    # Not the attention of cuDNN and LibTorch, whose kernels are not ours to check, and not NCCL, whose start asks after
    # kernels that it has no code for on this GPU, which memcheck counts as errors.
    bounded 240 "$log" "$tool" --tool "$check" --error-exitcode 9 --target-processes all "$1" '--gtest_filter=-*AttentionKernels*:Channel*' || code=$?
    if [ $code -eq 0 ]; then
      row kernels "$check" ok $((SECONDS - begin)) "$(grep -a 'ERROR SUMMARY\|RACECHECK SUMMARY' "$log" | tail -1 | cut -c1-100)"
    else
      row kernels "$check" FAILED $((SECONDS - begin)) "$(grep -a 'SUMMARY' "$log" | tail -1 | cut -c1-100) $(why $code "$log")"
    fi
  done
}
