# shellcheck shell=bash disable=SC2154,SC2034,SC2015
# Runs of dfm_train, and comparing what they left.

# Models small enough for many runs, with all parts of their family.
tiny=(model.num_layers=2 model.hidden_size=128 model.num_attention_heads=4 model.adaln_rank=16 model.max_img_h=16
  model.max_img_w=16 model.max_frames=4 --mock dataset.F_latents=2 dataset.H_latents=8 dataset.W_latents=12
  dataset.context_seq_len=5 train.global_batch_size=4 scheduler.lr_warmup_iters=2 optimizer.lr=1e-3)
family_words() {
  case $1 in
    dit) echo model.family=dit ;;
    wan) echo model.family=wan model.text_dim=32 ;;
    moviegen) echo model.family=moviegen model.num_query_groups=2 ;;
    stdit) echo model.family=stdit dataset.F_latents=3 ;;
    ecdit) echo model.family=moviegen model.num_query_groups=2 model.ffn_hidden_size=32 model.num_moe_experts=4 \
      model.moe_expert_capacity_factor=2 ;;
  esac
}
# DiT-S in all but its length.
small=(--recipe dit_s model.num_layers=4 --mock dataset.H_latents=32 dataset.W_latents=32 dataset.context_seq_len=64
  train.global_batch_size=2 scheduler.lr_warmup_iters=2 optimizer.lr=3e-4)

# train RANKS NAME LIMIT WORDS ...: into the folder runs/NAME, which it makes anew. Sets `took`.
train() {
  local folder=$output/runs/$2
  rm -rf "$folder" && mkdir -p "$folder"
  again "$@"
}

# again: the same in the folder as it is. A run that was told to stop ends with code 75.
again() {
  local folder=$output/runs/$2 start=() begin code
  # shellcheck disable=SC2207
  [ "$1" -eq 1 ] || start=($(mpirun_words "$1") -x OMP_NUM_THREADS=2)
  begin=$(date +%s.%N)
  bounded "$3" "$folder/log" "${start[@]}" "$bin/dfm_train" "${@:4}" checkpoint.save="$folder" train.eval_interval=0 \
    logger.log_interval=1 --progress lines
  code=$?
  took=$(awk -v a="$begin" -v b="$(date +%s.%N)" 'BEGIN { printf "%.1f", b - a }')
  [ $code -eq 0 ] || [ $code -eq 75 ] || return $code
}

# attempt STEP TITLE COMMAND RANKS NAME LIMIT WORDS ...: the command is train or again; of a failure a row tells.
attempt() {
  local code=0
  "${@:3}" || code=$?
  [ $code -eq 0 ] || row "$1" "$2" FAILED "$took" "$(why $code "$output/runs/$5/log")"
  return $code
}

losses() { sed -n 's/.*"loss":\([^,}]*\).*/\1/p' "$output/runs/$1/metrics.jsonl"; }

# difference A B: the number of steps of both, and the greatest and the mean relative difference of their losses. Nothing
# where they are not of the same number.
difference() {
  paste <(losses "$1") <(losses "$2") | awk '
    NF != 2 || $1 + 0 != $1 || $2 + 0 != $2 { bad = 1; next }
    { d = ($1 - $2) / $2; d = d < 0 ? -d : d; most = d > most ? d : most; sum += d; n++ }
    END { if (!bad && n) printf "%d %.2e %.2e\n", n, most, sum / n }'
}

below() { awk -v a="$1" -v b="$2" 'BEGIN { exit !(a + 0 <= b + 0) }'; }

# compare STEP NAME A B BOUND: a row about the losses of run A against those of run B.
compare() {
  local found n most mean
  found=$(difference "$3" "$4")
  read -r n most mean <<< "$found"
  if [ -n "$found" ] && below "$most" "$5"; then
    row "$1" "$2" ok "$took" "$n losses, at most $most apart"
  else
    row "$1" "$2" FAILED "$took" "losses differ by ${most:-?} in ${n:-?} steps, allowed $5 (runs/$3 and runs/$4)"
  fi
  figure "$1" "$2" "greatest_difference=${most:-null}" "mean_difference=${mean:-null}" "bound=$5"
}
