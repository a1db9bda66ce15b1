# shellcheck shell=bash
# Where a run keeps its checkpoints, which step it has reached, and what is to be said about it.

dfm_save='' dfm_log='' dfm_halt=''

# dfm_value SECTION.KEY TEXT: the value of a key in what --print-config printed, without its quotes.
dfm_value() {
  local line
  line=$(awk -v section="[${1%%.*}]" -v key="${1#*.}" '
    /^\[/ { inside = ($0 == section) }
    inside && $1 == key && $2 == "=" { sub(/ *; [^;]*$/, ""); print; exit }' <<< "$2")
  line=${line#*= }
  if [[ $line == \"*\" ]]; then
    line=${line:1:${#line}-2}
    line=${line//\\\"/\"}
    line=${line//\\\\/\\}
  fi
  [ "$line" = null ] || printf '%s' "$line"
}

# One task reads the configuration as the run will: a mistake in it ends the job here.
dfm_read_run_settings() {
  local config
  config=$(dfm_ask "$@" --print-config)
  dfm_code=$?
  if [ "$dfm_code" -ne 0 ]; then
    dfm_say "not started: reading the configuration ended with code $dfm_code ($(dfm_meaning "$dfm_code"))"
    # The task may have been told to stop, too.
    if dfm_preempted; then dfm_go_on; else dfm_say "not requeued" && dfm_at_the_end; fi
    dfm_leave "$dfm_code"
  fi
  dfm_save=$(dfm_value checkpoint.save "$config")
  dfm_log=$(dfm_value logger.output "$config")
  dfm_log=${dfm_log:-$dfm_save}
  dfm_halt=$(dfm_value train.halt_file "$config")
  dfm_halt=${dfm_halt:-$dfm_save/HALT}
}

# The last step with a durable checkpoint; 0 before the first.
dfm_step() {
  local step=''
  read -r step 2> /dev/null < "$dfm_save/latest_checkpointed_iteration.txt"
  [[ $step =~ ^[0-9]+$ ]] || step=0
  echo "$((10#$step))"
}

# In words; before the configuration is read, nobody knows the step.
dfm_where() { if [ -n "$dfm_save" ]; then echo "step $(dfm_step)"; else echo "its newest checkpoint"; fi; }

# dfm_number FIELD < line of JSON
dfm_number() { sed -n "s/.*\"$1\": *\([-+0-9.eE]*\).*/\1/p" | tail -n 1; }

# dfm_summary STEP_BEFORE
dfm_summary() {
  local metrics=$dfm_log/metrics.jsonl journal=$dfm_save/journal.jsonl last='' speed=''
  dfm_say "dfm_train ended with code $dfm_code: $(dfm_meaning "$dfm_code")"
  if [ -r "$metrics" ]; then
    last=$(tail -n 200 "$metrics" | grep '"step_seconds"')
    speed=$(sed -n 's/.*"step_seconds": *\([0-9.eE+-]*\).*/\1/p' <<< "$last" |
      awk '{ sum += $1 } END { if (sum > 0) printf "%.3g", NR / sum }')
    dfm_say "last step $(dfm_number iteration <<< "$last"), loss $(dfm_number loss <<< "$last")," \
      "${speed:-?} steps/s over the last $(grep -c . <<< "$last")"
  fi
  dfm_say "checkpoints in $dfm_save: $(dfm_checkpoints); step $1 before this start, $(dfm_step) now"
  [ ! -r "$journal" ] || dfm_say "the journal's last reason to end: $(dfm_last_reason "$journal")"
}

dfm_last_reason() { grep '"stop"' "$1" | tail -n 1 | sed -n 's/.*"reason": *"\([^"]*\)".*/\1/p'; }

dfm_checkpoints() {
  local found=("$dfm_save"/iter_*)
  if [ -e "${found[0]}" ]; then echo "${#found[@]}"; else echo none; fi
}
