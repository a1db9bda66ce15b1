# shellcheck shell=bash disable=SC2154,SC2034,SC2015
# What is measured: NAME|RECIPE|LAYERS|TOKENS|WORDS. As many of the layers as fit into the device's memory are taken.
shapes_cuda=(
  "dit_7b_8k|dit_7b|32|8192|dataset.seq_length=8192"
  "wan_14b_37k|wan_14b|40|37440|model.recompute_granularity=none model.recompute_num_layers=null dataset.F_latents=24 dataset.H_latents=60 dataset.W_latents=104"
  "dit_s_8k|dit_s|12|8192|dataset.seq_length=8192"
  "dit_xl_8k|dit_xl|28|8192|dataset.seq_length=8192"
  "dit_7b_74k|dit_7b|32|73728|dataset.seq_length=73728 model.max_frames=64"
  "moviegen_5b_8k|moviegen_5b|32|8192|dataset.seq_length=8192"
)
# Sizes for trying the check itself.
shapes_cpu=(
  "dit_s_256|dit_s|2|256|dataset.seq_length=256"
  "moviegen_256|dit_s|2|256|dataset.seq_length=256 model.family=moviegen"
)

shapes() {
  local all=("${shapes_cuda[@]}") each
  [ "$device" = cuda ] || all=("${shapes_cpu[@]}")
  [ "$profile" = full ] || all=("${all[@]:0:2}")
  for each in "${all[@]}"; do
    [ "$wanted" = all ] || [[ ,$wanted, = *,${each%%|*},* ]] || continue
    echo "$each"
  done
}

shape_words() { # RECIPE LAYERS WORDS
  echo --recipe "$1" --mock dataset.mock_samples=2 train.global_batch_size=1 "model.num_layers=$2" "${@:3}"
}

# The plans of every shape with 2 and 4 layers, beside the first steps of the check: from them follow memory and arithmetic of
# any number of layers, since both grow by the same with each.
begin_plans() {
  mkdir -p "$output/plans"
  rm -f "$output"/plans/*
  plan_shapes &
  planner=$!
}

plan_shapes() {
  local name recipe layers tokens words count
  while IFS='|' read -r name recipe layers tokens words; do
    for count in 2 4; do
      # shellcheck disable=SC2046,SC2086
      OMP_NUM_THREADS=4 nice -n 5 timeout $((180 * patience)) "$bin/dfm_train" $(shape_words "$recipe" $count $words) device.type=cpu --plan --json \
        > "$output/plans/$name.$count.part" 2> "$output/plans/$name.$count.log" &&
        mv "$output/plans/$name.$count.part" "$output/plans/$name.$count" &
    done
  done < <(shapes)
  wait
}

# planned NAME KEY LAYERS: a figure of the plan for that many layers.
planned() {
  local two four
  two=$(plan_figure "$1.2" "$2") four=$(plan_figure "$1.4" "$2")
  awk -v a="${two:-0}" -v b="${four:-0}" -v n="$3" 'BEGIN { printf "%.6g\n", a + (b - a) / 2 * (n - 2) }'
}

plan_figure() { sed -n "s/^ *\"$2\": *\([-0-9.e+]*\),*$/\1/p" "$output/plans/$1" 2> /dev/null | head -1; }

# are_planned NAME
are_planned() { [ -s "$output/plans/$1.2" ] && [ -s "$output/plans/$1.4" ]; }

# fitting_layers NAME LAYERS: at most LAYERS, of which the plan fits into nine tenths of the device's memory.
fitting_layers() {
  local memory
  memory=$(nvidia-smi --query-gpu=memory.total --format=csv,noheader,nounits 2> /dev/null | head -1)
  [ "$device" = cuda ] && [ -n "$memory" ] || { echo "$2"; return; }
  awk -v mib="$memory" -v two="$(planned "$1" peak 2)" -v four="$(planned "$1" peak 4)" -v most="$2" 'BEGIN {
    layer = (four - two) / 2; room = 0.9 * mib * 1048576
    n = layer > 0 ? int((room - two) / layer) + 2 : most
    print (n < 1 ? 1 : n > most ? most : n) }'
}
