# shellcheck shell=bash
# What all templates share. A template finds this file and sources it; then it calls one of
#
#   dfm_job_train --recipe NAME "$@"     dfm_train, with requeueing
#   dfm_job_train_on_spare_nodes ...     the same, started again inside the allocation when a node is lost
#   dfm_job_tool PROGRAM "$@"            any other program, once
#
# share/doc/slurm.md lists the variables. Nothing here uses eval: words reach the program as they were given.
set -uo pipefail
dfm_jobs=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
dfm_code=0  # of the program that ran last
# shellcheck source=jobs/common/settings.sh
. "$dfm_jobs/common/settings.sh"
# shellcheck source=jobs/common/launch.sh
. "$dfm_jobs/common/launch.sh"
# shellcheck source=jobs/common/signals.sh
. "$dfm_jobs/common/signals.sh"
# shellcheck source=jobs/common/stage.sh
. "$dfm_jobs/common/stage.sh"
# shellcheck source=jobs/common/steps.sh
. "$dfm_jobs/common/steps.sh"
# shellcheck source=jobs/common/nodes.sh
. "$dfm_jobs/common/nodes.sh"
# shellcheck source=jobs/common/verdict.sh
. "$dfm_jobs/common/verdict.sh"

dfm_settings
dfm_modules
dfm_listen

dfm_job_train() {
  dfm_stage dfm_train
  dfm_read_run_settings dfm_train "$@"
  local before
  before=$(dfm_step)
  dfm_run dfm_train "$@"
  dfm_summary "$before"
  dfm_conclude "$dfm_code" "$before"
  dfm_leave "$dfm_code"
}

# The same, and after the loss of a node once more inside this allocation, on the nodes that are left. Every round costs
# a node, so there is an end.
dfm_job_train_on_spare_nodes() {
  dfm_stage dfm_train
  dfm_read_run_settings dfm_train "$@"
  local before
  before=$(dfm_step)
  dfm_choose_nodes || dfm_leave 1
  while :; do
    dfm_run dfm_train "$@"
    dfm_summary "$before"
    if [ -n "$dfm_asked" ] || ! dfm_is_crash "$dfm_code"; then break; fi
    dfm_find_lost_again || break
    dfm_say "lost: $dfm_lost"
    dfm_choose_nodes || break
  done
  dfm_conclude "$dfm_code" "$before"
  dfm_leave "$dfm_code"
}

# Tools have no steps to compare, and are never requeued by the script.
dfm_job_tool() {
  local program=$1
  dfm_stage "$program"
  dfm_run "$@"
  dfm_say "$program ended with code $dfm_code: $(dfm_meaning "$dfm_code")"
  [ "$dfm_code" -ne 75 ] || dfm_say "submit the same again to go on"
  dfm_leave "$dfm_code"
}
