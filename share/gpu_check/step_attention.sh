# shellcheck shell=bash disable=SC2154,SC2034,SC2015
# Every kernel of attention on the shapes that decide, and what was chosen: forward and backward TFLOP/s.
step_attention() {
  local bench log=$output/attention.log begin=$SECONDS code=0
  bench=$(program attention_bench)
  [ -n "$bench" ] || { row attention all skipped 0 "attention_bench is not here: dfm was built without nvcc or without tests"; return; }
  [ "$device" = cuda ] || { row attention all skipped 0 "needs a GPU"; return; }
  bounded 90 "$log" "$bench" "$output/attention.json" || code=$?
  sed -n '3,$p' "$log" | while IFS= read -r line; do
    row attention "${line:0:26}" ok 0 "$(tr -s ' ' <<< "${line:26}")"
  done
  [ $code -eq 0 ] || row attention all FAILED $((SECONDS - begin)) "$(why $code "$log")"
}
