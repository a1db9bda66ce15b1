#include "train/run_journal.h"

#include <cstdlib>
#include <set>

#include "comm/agree.h"
#include "comm/mpi.h"
#include "core/activity.h"
#include "core/build_info.h"
#include "core/file.h"
#include "core/log.h"

namespace dfm::train {
namespace {

// The command line of this process; its words are separated by NUL.
std::string command_line() {
  std::string text(1U << 16U, '\0');
  const File file = File::open_to_read("/proc/self/cmdline");
  text.resize(file.read_up_to(std::as_writable_bytes(std::span(text)), 0));
  while (text.ends_with('\0')) text.pop_back();
  for (char& character : text) {
    if (character == '\0') character = ' ';
  }
  return text;
}

void add_environment(Json& fields, const char* field, const char* variable) {
  if (const char* const value = std::getenv(variable)) fields[field] = value;
}

}  // namespace

void record_start(report::Journal& journal, const comm::Topology& topology, const Start& start) {
  const std::set<std::string> hosts(topology.host_of_rank.begin(), topology.host_of_rank.end());
  Json fields{{"step", start.step},   {"ranks", topology.host_of_rank.size()},
              {"hosts", hosts},       {"grid", start.grid},
              {"version", version()}, {"command", command_line()}};
  if (!start.resumed_from.empty()) fields["resumed_from"] = start.resumed_from;
  add_environment(fields, "slurm_job", "SLURM_JOB_ID");
  add_environment(fields, "slurm_restarts", "SLURM_RESTART_COUNT");
  journal.record("start", fields);
}

void record_sampling_weights(report::Journal& journal, const SamplingWeights& weights) {
  journal.record("sampling_weights", {{"step", activity::now().step},
                                      {"checkpoint", weights.checkpoint.native()},
                                      {"file", weights.file.native()},
                                      {"bytes", weights.report.bytes},
                                      {"seconds", weights.report.seconds}});
}

void record_stop(report::Journal* journal, const comm::Group& world, ExitCode code) {
  const std::string asked = comm::stop_reason_anywhere(world);
  if (journal == nullptr) return;
  const std::string reason = code == ExitCode::stopped ? asked : std::string(describe(code));
  if (code == ExitCode::stopped) log::info("stopped by {}", reason);
  journal->record("stop",
                  {{"code", static_cast<int>(code)}, {"step", activity::now().step}, {"reason", reason}});
}

void record_failure(report::Journal& journal, const comm::Group& world, const std::exception_ptr& failure) {
  std::error_code ignored;
  if (!std::filesystem::is_directory(journal.path().parent_path(), ignored)) return;
  const Error error = to_error(failure);
  Json fields{
      {"code", static_cast<int>(error.kind())}, {"step", activity::now().step}, {"reason", error.what()}};
  try {
    std::rethrow_exception(failure);
  } catch (const comm::AgreedError&) {
    if (world.rank() != 0) return;
  } catch (...) {
    fields["rank"] = world.rank();
    fields["host"] = comm::host_name();
  }
  journal.record("stop", fields);
}

}  // namespace dfm::train
