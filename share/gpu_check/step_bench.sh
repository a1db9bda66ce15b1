# shellcheck shell=bash disable=SC2154,SC2034,SC2015
# Speed of training steps: forward, backward and optimizer, on made-up samples.
warm_up=4 measured=8

step_bench() {
  local name recipe layers tokens words
  wait "$planner"
  while IFS='|' read -r name recipe layers tokens words; do
    are_planned "$name" || { row bench "$name" FAILED 0 "its plan failed (plans/$name.2.log, plans/$name.4.log)"; continue; }
    # shellcheck disable=SC2086
    bench "$name" "$recipe" "$(fitting_layers "$name" "$layers")" "$tokens" $words
  done < <(shapes)
}

# bench NAME RECIPE LAYERS TOKENS WORDS ...: with a quarter fewer layers where memory runs out.
bench() {
  local name=$1 recipe=$2 layers=$3 tokens=$4 code=1 log=$output/runs/bench_$1/log
  while :; do
    # shellcheck disable=SC2046
    train 1 "bench_$name" 150 $(shape_words "$recipe" "$layers" "${@:5}") dataset.task_encoder_seq_length="$tokens" \
      device.type="$device" checkpoint.save_interval=0 checkpoint.save_last=false scheduler.lr_warmup_iters=0 \
      train.train_iters=$((warm_up + measured)) && code=0 || code=$?
    [ $code -ne 0 ] && [ "$layers" -gt 1 ] && grep -q 'out of memory' "$log" || break
    layers=$((layers * 3 / 4))
  done
  [ $code -eq 0 ] || { row bench "$name, $layers layers" FAILED "$took" "$(why $code "$log")"; return; }
  report_bench "$name" "$layers" "$tokens" "$(median_step "bench_$name")" "$(peak_mib "bench_$name")"
}

median_step() {
  sed -n 's/.*"step_seconds":\([^,}]*\).*/\1/p' "$output/runs/$1/metrics.jsonl" | tail -n $measured | sort -g |
    awk '{ all[NR] = $1 } END { print (all[int((NR + 1) / 2)] + all[int(NR / 2) + 1]) / 2 }'
}

# benched_layers NAME: with how many layers it was measured, in this call or an earlier one into the same folder.
benched_layers() { cat "$output/runs/bench_$1/layers" 2> /dev/null; }

# report_bench NAME LAYERS TOKENS SECONDS MIB
report_bench() {
  local rate useful reported share matmul
  rate=$(awk -v t="$3" -v s="$4" 'BEGIN { printf "%.0f", t / s }')
  useful=$(awk -v r="$rate" -v f="$(planned "$1" flops_per_token_true "$2")" 'BEGIN { printf "%.1f", r * f / 1e12 }')
  reported=$(awk -v r="$rate" -v f="$(planned "$1" flops_per_token_nemo "$2")" 'BEGIN { printf "%.1f", r * f / 1e12 }')
  matmul=$(ceiling matmul_tflops)
  share=$(awk -v u="$useful" -v m="${matmul:-0}" 'BEGIN { printf "%.1f", (m > 0 ? 100 * u / m : 0) }')
  row bench "$1, $2 layers" ok "$took" "$rate tokens/s, $useful TFLOP/s useful ($reported by the users' count), $share % of matmul, $(awk -v s="$4" 'BEGIN { printf "%.1f", 1000 * s }') ms, peak $5 MiB"
  figure bench "$1" "layers=$2" "tokens=$3" "step_seconds=$4" "tokens_per_second=$rate" "tflops_true=$useful" \
    "tflops_reported=$reported" "percent_of_matmul=$share" "peak_mib=$5"
  echo "$2" > "$output/runs/bench_$1/layers"
}

# The most that tensors took of the device's memory.
peak_mib() {
  sed -n 's/.*"gpu_bytes":\([0-9]*\).*/\1/p' "$output/runs/$1/metrics.jsonl" | sort -n |
    awk '{ most = $1 } END { printf "%.0f", most / 1048576 }'
}
