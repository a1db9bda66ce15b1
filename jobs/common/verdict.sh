# shellcheck shell=bash disable=SC2154
# Whether a run goes on in a next start, and why.

# dfm_conclude CODE STEP_BEFORE: requeues the job, or says why not.
dfm_conclude() {
  local why
  if dfm_is_crash "$1"; then
    [ -n "$dfm_lost" ] || dfm_find_lost
    [ -z "$dfm_lost" ] || { dfm_say "lost: $dfm_lost" && dfm_await_slurm; }
  fi
  if dfm_requeued_by_slurm; then
    dfm_say "requeued by Slurm itself: a node failed, or the time to leave after a preemption is over"
  elif why=$(dfm_why_not "$1" "$2"); then
    dfm_say "not requeued: $why"
    dfm_at_the_end
  else
    dfm_go_on
  fi
}

# dfm_why_not CODE STEP_BEFORE: the reason; fails where the run is to go on.
dfm_why_not() {
  local now
  now=$(dfm_step)
  if [ "$1" -eq 0 ]; then
    echo "the run is finished"
  elif [ "$dfm_asked" = TERM ] && [ -z "$dfm_lost" ]; then
    echo "it was told to stop (scancel); the same sbatch goes on from step $now"
  elif ! dfm_is_resumable "$1"; then
    echo "code $1 ($(dfm_meaning "$1")) would come again; only code 75 goes on"
  elif [ -e "$dfm_halt" ]; then
    echo "the file $dfm_halt says so; remove it and submit again"
  elif [ "${SLURM_RESTART_COUNT:-0}" -ge "$DFM_MAX_RESTARTS" ]; then
    echo "it was restarted ${SLURM_RESTART_COUNT:-0} times; DFM_MAX_RESTARTS is $DFM_MAX_RESTARTS"
  elif [ "$now" -le "$2" ] && ! dfm_preempted; then
    echo "no step was gained in this start (step $2 before, $now now)"
  else
    return 1
  fi
}

# 75; killed by the very signal that asks to stop (USR1, TERM), before the program listened to it; or a node was lost.
dfm_is_resumable() {
  [ "$1" -eq 75 ] || [ -n "$dfm_lost" ] && return
  [ "$1" -eq 138 ] || [ "$1" -eq 143 ] || return
  [ -n "$dfm_asked" ] || dfm_preempted
}

# dfm_go_on and dfm_at_the_end: how a next start is brought about; train_array.sh has its own.
dfm_go_on() {
  if [ "$DFM_REQUEUE" = no ]; then
    dfm_say "not requeued: DFM_REQUEUE is no; submit the same again to go on from $(dfm_where)"
  else
    # Said before it is done: Slurm ends this script at once.
    dfm_say "requeueing: goes on from $(dfm_where) ($(dfm_cause));" \
      "restart $((${SLURM_RESTART_COUNT:-0} + 1)) of at most $DFM_MAX_RESTARTS"
    scontrol requeue "$SLURM_JOB_ID" ||
      dfm_say "not requeued: this Slurm refuses (is Requeue=0?); submit the same again, or use train_array.sh"
  fi
}

dfm_at_the_end() { :; }

dfm_cause() {
  if [ -n "$dfm_lost" ]; then
    echo "lost $dfm_lost"
  elif dfm_preempted; then
    echo preempted
  elif [ -n "$dfm_asked" ]; then
    echo "signal $dfm_asked"
  else
    echo "code 75"
  fi
}
