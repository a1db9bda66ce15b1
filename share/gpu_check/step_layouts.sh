# shellcheck shell=bash disable=SC2154,SC2034,SC2015
# Layouts of several ranks that share the GPU, against one rank: NAME|RANKS|FAMILY|WORDS.
layouts_quick=(
  "TP2 CP2|4|dit|model.tensor_model_parallel_size=2 model.context_parallel_size=2 model.cp_comm_type=p2p"
  "FSDP2|2|dit|ddp.use_megatron_fsdp=true"
)
layouts_full=(
  "TP2|2|dit|model.tensor_model_parallel_size=2"
  "TP2 WAN|2|wan|model.tensor_model_parallel_size=2"
  "TP4|4|dit|model.tensor_model_parallel_size=4"
  "CP2 p2p|2|dit|model.context_parallel_size=2 model.cp_comm_type=p2p"
  "CP2 a2a WAN|2|wan|model.context_parallel_size=2 model.cp_comm_type=a2a"
  "CP4 a2a+p2p|4|dit|model.context_parallel_size=4 model.cp_comm_type=a2a+p2p model.hierarchical_context_parallel_sizes=[\"2\",\"2\"]"
  "DP4|4|dit|"
  "FSDP4 MovieGen|4|moviegen|ddp.use_megatron_fsdp=true"
  "TP2 CP2 EC-DiT|4|ecdit|model.tensor_model_parallel_size=2 model.context_parallel_size=2"
  "EP2 EC-DiT|2|ecdit|model.expert_model_parallel_size=2"
  "PP2|2|dit|model.pipeline_model_parallel_size=2"
  "PP2 FSDP2|4|dit|model.pipeline_model_parallel_size=2 ddp.use_megatron_fsdp=true"
)

step_layouts() {
  local layout name ranks family words all=("${layouts_quick[@]}")
  [ "$profile" = quick ] || all+=("${layouts_full[@]}")
  for layout in "${all[@]}"; do
    IFS='|' read -r name ranks family words <<< "$layout"
    one_rank "$family" || continue
    # shellcheck disable=SC2046,SC2086
    attempt layouts "$name" train "$ranks" "layout_${name// /_}" 60 "${tiny[@]}" $(family_words "$family") "${shared_words[@]}" $words &&
      compare layouts "$name" "layout_${name// /_}" "layout_one_$family" 1e-4
  done
}

shared_words=(train.precision=fp32 train.train_iters=8 checkpoint.save_interval=0 checkpoint.save_last=false device.type="$device")
# Ranks that share a GPU cannot form an NCCL group: what they exchange goes through the host's memory.
[ "$device" = cpu ] || shared_words+=(device.collectives=host)

# one_rank FAMILY: trains once; the code is that of the training.
declare -A one_rank_codes=()
one_rank() {
  if [ -z "${one_rank_codes[$1]:-}" ]; then
    # shellcheck disable=SC2046
    attempt layouts "one rank, $1" train 1 "layout_one_$1" 60 "${tiny[@]}" $(family_words "$1") "${shared_words[@]}"
    one_rank_codes[$1]=$?
  fi
  return "${one_rank_codes[$1]}"
}
