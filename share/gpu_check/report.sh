# shellcheck shell=bash disable=SC2154,SC2034,SC2015
# Rows of results: printed as they come, then as one table and as JSON.
begin_report() {
  begun=$(date +%s)
  rows=$output/rows.tsv
  touch "$rows" "$output/figures.jsonl"
  # What other calls left of other steps stays.
  local step
  for step in ${steps//,/ }; do
    sed -i "/^$step\t/d" "$rows"
    sed -i "/^{\"step\": \"$step\"/d" "$output/figures.jsonl"
  done
}

seconds_left() { echo $((begun + 60 * minutes - $(date +%s))); }

# row STEP NAME STATE SECONDS NOTE; STATE is ok, FAILED or skipped.
row() {
  printf '%s\t%s\t%s\t%s\t%s\n' "$@" >> "$rows"
  tail -n 1 "$rows" | print_rows
}

print_rows() { awk -F'\t' '{ printf "%-8s %-34s %-8s %6s s  %s\n", $1, $2, $3, $4, $5 }'; }

# figure STEP NAME KEY=NUMBER ...: what was measured, for the JSON.
figure() {
  local pair pairs=()
  for pair in "${@:3}"; do
    [[ ${pair#*=} =~ ^-?[0-9.]+(e[-+]?[0-9]+)?$ ]] || pair="${pair%%=*}=null"
    pairs+=("\"${pair%%=*}\": ${pair#*=}")
  done
  (IFS=,; printf '{"step": "%s", "name": "%s", %s}\n' "$1" "$2" "${pairs[*]}") >> "$output/figures.jsonl"
}

# bounded LIMIT LOG COMMAND ...: runs it for so many seconds at most (--patience times as many), and no longer than the whole
# check may take.
bounded() {
  local limit=$(($1 * patience)) log=$2 left
  left=$(seconds_left)
  [ "$left" -gt 0 ] || { echo "no time is left (--minutes)" > "$log"; return 125; }
  timeout -k 5 "$((limit < left ? limit : left))" "${@:3}" > "$log" 2>&1 < /dev/null
}

# why CODE LOG: in one line.
why() {
  case $1 in
    124 | 137) echo "took too long" ;;
    125) tail -n 1 "$2" ;;
    *) echo "code $1: $(grep -aE 'error|Error|FAILED|what\(\)' "$2" | tail -1 | tr -d '\t' | cut -c1-160) (${2#"$output"/})" ;;
  esac
}

escaped() { sed 's/\\/\\\\/g; s/"/\\"/g'; }

json_rows() {
  escaped < "$rows" | awk -F'\t' '{
    printf "%s    {\"step\": \"%s\", \"name\": \"%s\", \"state\": \"%s\", \"seconds\": %s, \"note\": \"%s\"}", (NR > 1 ? ",\n" : ""),
      $1, $2, $3, ($4 == "" ? "null" : $4), $5 }'
}

end_report() {
  local failed file=$output/gpu_check.json
  failed=$(cut -f3 "$rows" | grep -c FAILED)
  {
    printf '{\n  "seconds": %s,\n  "failed": %s,\n  "rows": [\n' "$(($(date +%s) - begun))" "$failed"
    json_rows
    printf '\n  ],\n  "figures": [\n'
    sed 's/^/    /; $!s/$/,/' "$output/figures.jsonl"
    printf '  ]\n}\n'
  } > "$file"
  echo
  echo "== dfm-gpu-check: $(cut -f3 "$rows" | grep -c ok) ok, $failed failed, $(cut -f3 "$rows" | grep -c skipped) skipped, $(($(date +%s) - begun)) s"
  print_rows < "$rows"
  echo "== $file"
  [ "$failed" -eq 0 ]
}
