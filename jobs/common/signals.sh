# shellcheck shell=bash disable=SC2034
# What the batch shell is told, and what it passes on.
#
#   USR1, USR2   the time limit is near (#SBATCH --signal=B:USR1@...): stop, and go on in a next start
#   TERM         scancel, or Slurm ending the job: stop, and stay stopped
#
# srun takes TERM for an order to kill, so the ranks get USR1 in both cases: dfm then saves and ends with code 75.
# Preemption tells the ranks alone; Slurm's records say so (dfm_preempted).
dfm_asked=''
dfm_srun_pid=''

dfm_listen() {
  trap 'dfm_on_signal USR1' USR1
  trap 'dfm_on_signal USR2' USR2
  trap 'dfm_on_signal TERM' TERM
}

dfm_on_signal() {
  dfm_interrupted=yes
  [ "$dfm_asked" = TERM ] || dfm_asked=$1
  dfm_say "signal $1"
  [ -z "$dfm_srun_pid" ] || kill -USR1 "$dfm_srun_pid" 2> /dev/null
}

# Sets dfm_code to srun's exit code. A signal interrupts wait, so it is called again until it was not.
dfm_wait() {
  dfm_interrupted=yes
  while [ -n "$dfm_interrupted" ]; do
    dfm_interrupted=''
    wait "$dfm_srun_pid"
    dfm_code=$?
  done
  dfm_srun_pid=''
}

# A field of Slurm's records of this job: dfm_job_field PreemptTime.
dfm_job_field() {
  scontrol show job "$SLURM_JOB_ID" 2> /dev/null | tr ' ' '\n' | sed -n "s/^$1=//p" | head -n 1
}

# The time is that of the last preemption, which may have been in an earlier start.
dfm_preempted() {
  local when started
  when=$(dfm_job_field PreemptTime)
  started=$(dfm_job_field StartTime)
  [ -n "$when" ] && [ "$when" != None ] && [[ ! $when < $started ]]
}
