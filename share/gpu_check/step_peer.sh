# shellcheck shell=bash disable=SC2154,SC2034,SC2015
# PyTorch with the same blocks, eager and compiled, in the same minutes.
step_peer() {
  local python name layers kind
  python=$(python_with_torch)
  [ -n "$python" ] || { row peer PyTorch skipped 0 "no python3 with PyTorch here (DFM_PYTHON names one)"; return; }
  while IFS='|' read -r name _; do
    case $name in dit_7b_* | dit_s_256) kind=dit ;; wan_*) kind=wan ;; *) continue ;; esac
    layers=$(benched_layers "$name") || { row peer "$name" skipped 0 "the step bench has not measured it"; continue; }
    peer "$python" "$name" $kind "$layers" eager
    peer "$python" "$name" $kind "$layers" compile
  done < <(shapes)
}

# peer PYTHON NAME KIND LAYERS HOW: the same number of blocks, or fewer where memory runs out, compared by a block's time.
peer() {
  local log=$output/peer_$2_$5.log layers=$4 code tokens begin=$SECONDS theirs ratio ours
  tokens=$(shapes | awk -F'|' -v n="$2" '$1 == n { print $4 }')
  while :; do
    code=0
    bounded 150 "$log" "$1" "$here/peer.py" --block "$3" --recipe "$2" --tokens "$tokens" --layers "$layers" --how "$5" --device "$device" || code=$?
    [ $code -ne 0 ] && [ "$layers" -gt 1 ] && grep -q 'out of memory' "$log" || break
    layers=$((layers * 3 / 4))
  done
  [ $code -eq 0 ] || { row peer "$2 $5" FAILED $((SECONDS - begin)) "$(why $code "$log")"; return; }
  theirs=$(sed -n 's/^step_seconds=//p' "$log")
  ours=$(median_step "bench_$2")
  ratio=$(awk -v a="$theirs" -v n="$layers" -v b="$ours" -v m="$4" 'BEGIN { printf "%.3f", (a / n) / (b / m) }')
  row peer "$2 $5, $layers layers" ok $((SECONDS - begin)) "PyTorch $(awk -v s="$theirs" 'BEGIN { printf "%.1f", 1000 * s }') ms; dfm is ${ratio}x as fast a block"
  figure peer "$2 $5" "layers=$layers" "step_seconds=$theirs" "ratio=$ratio"
}
