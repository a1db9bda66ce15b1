# shellcheck shell=bash
# Nodes that are lost, and going on without them.
dfm_nodes=''  # that the program runs on, separated by commas; empty: all of the job
dfm_lost=''   # found out after a crash

# The nodes that Slurm still counts to this job: with --no-kill, a failed node leaves the list.
dfm_job_nodes() {
  local list
  list=$(dfm_job_field NodeList)
  scontrol show hostnames "${list:-$SLURM_JOB_NODELIST}"
}

# dfm_answers NODE: a task can be started there.
dfm_answers() {
  timeout -k 5 "$DFM_PROBE_SECONDS" srun --mpi=none --overlap --nodes=1 --ntasks=1 "--nodelist=$1" true \
    > /dev/null 2>&1
}

dfm_healthy_nodes() {
  local node
  {
    for node in $(dfm_job_nodes); do
      { ! dfm_answers "$node" || echo "$node"; } &
    done
    wait
  } | sort
}

# Sets dfm_lost. A job that Slurm is ending cannot start anything, so Slurm's own opinion of the nodes must do.
dfm_find_lost() {
  local all
  all=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | sort)
  if [ "$(dfm_job_field JobState)" = RUNNING ]; then
    dfm_lost=$(comm -23 <(echo "$all") <(dfm_healthy_nodes))
  else
    dfm_lost=$(sinfo -h -N -n "$SLURM_JOB_NODELIST" -t down,no_respond -o %N | sort -u)
  fi
  dfm_lost=${dfm_lost//$'\n'/ }
}

# As dfm_find_lost; fails where no more nodes are lost than before.
dfm_find_lost_again() {
  local before=$dfm_lost
  dfm_find_lost
  [ "$dfm_lost" != "$before" ]
}

# Did the program end as it does when its ranks or nodes are taken away, and not by a code that says more?
dfm_is_crash() { [ "$1" -ne 0 ] && [[ ! " 2 3 4 5 7 75 " == *" $1 "* ]]; }

# dfm_placement ARRAY: the words for srun that put the ranks on dfm_nodes, as many on each as the job asked for.
dfm_placement() {
  local -n words=$1
  local count each=${SLURM_NTASKS_PER_NODE:-}
  count=$(tr ',' '\n' <<< "$dfm_nodes" | grep -c .)
  each=${each:-$(((SLURM_NTASKS + SLURM_JOB_NUM_NODES - 1) / SLURM_JOB_NUM_NODES))}
  # shellcheck disable=SC2034  # a reference to the caller's array
  words=("--nodelist=$dfm_nodes" "--nodes=$count" "--ntasks=$((count * each))" "--ntasks-per-node=$each")
}

# Slurm requeues a job whose node failed once it has noticed (SlurmdTimeout): ending before that would be the end.
dfm_await_slurm() {
  local deadline=$((SECONDS + DFM_NODE_FAIL_SECONDS))
  [ "$DFM_REQUEUE" = yes ] || return 0
  dfm_say "waiting up to $DFM_NODE_FAIL_SECONDS s for Slurm to notice, which requeues the job by itself"
  until dfm_requeued_by_slurm || [ "$SECONDS" -ge "$deadline" ] || [ -n "$dfm_asked" ]; do sleep 1; done
}

dfm_requeued_by_slurm() {
  local restarts
  restarts=$(dfm_job_field Restarts)
  [ "${restarts:-0}" -gt "${SLURM_RESTART_COUNT:-0}" ]
}

# Sets dfm_nodes to the first nodes that answer: DFM_RUN_NODES of them, or all but DFM_SPARE_NODES; fewer where there
# are no more, but not below DFM_MIN_NODES.
dfm_choose_nodes() {
  local healthy wanted=${DFM_RUN_NODES:-$((SLURM_JOB_NUM_NODES - DFM_SPARE_NODES))}
  mapfile -t healthy < <(dfm_healthy_nodes)
  if [ "${#healthy[@]}" -lt "$DFM_MIN_NODES" ] || [ "${#healthy[@]}" -eq 0 ] || [ "$wanted" -lt 1 ]; then
    dfm_say "${#healthy[@]} of $SLURM_JOB_NUM_NODES nodes answer; wanted: $wanted, at least $DFM_MIN_NODES"
    return 1
  fi
  [ "${#healthy[@]}" -ge "$wanted" ] || dfm_say "going on with ${#healthy[@]} nodes instead of $wanted"
  dfm_nodes=$(IFS=,; echo "${healthy[*]:0:wanted}")
}
