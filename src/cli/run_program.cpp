#include "cli/run_program.h"

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <optional>

#include <fmt/core.h>

#include "cli/completion.h"
#include "cli/manual.h"
#include "comm/agree.h"
#include "comm/launcher.h"
#include "comm/mpi.h"
#include "comm/startup_alarm.h"
#include "comm/watchdog.h"
#include "config/keys.h"
#include "config/layers.h"
#include "core/build_info.h"
#include "core/log.h"
#include "core/stop_token.h"

namespace dfm::cli {
namespace {

// A signal between exec and main would kill the process: the libraries take a while to initialise, and the
// functions of this section run before them.
[[gnu::used,
  gnu::section(".preinit_array")]] void (*const install_early)() = &StopToken::install_signal_handlers;

bool is_first_process() { return comm::launched_rank().value_or(0) == 0; }

void report(const Error& error) {
  if (error.kind() == ExitCode::stopped) {
    log::info("stopped by {}; the same command goes on from here", error.what());
    return;
  }
  const std::string hint = error.hint().empty() ? "" : "\n         hint: " + error.hint();
  log::error("{}{}", error.what(), hint);
}

Config load_config(const CommandLine& line) {
  Config config(all_keys());
  if (!line.recipe.empty()) {
    for (const Layer& layer : read_recipe(line.recipe)) config.apply(layer);
  }
  if (!line.config_file.empty()) config.apply(read_config_file(line.config_file));
  config.apply(line.assignments);
  return config;
}

// Loaded before MPI is up, since a limit for that is part of it. Mistakes are refused later, by all ranks
// together.
class EarlyConfig {
 public:
  explicit EarlyConfig(const CommandLine& line) : config_(all_keys()) {
    try {
      config_ = load_config(line);
    } catch (...) {
      mistake_ = std::current_exception();
    }
  }

  bool is_sound() const { return !mistake_; }
  double startup_limit_seconds() const { return config_.real("watchdog.startup_limit_seconds"); }
  const Config& checked() const {
    if (mistake_) std::rethrow_exception(mistake_);
    return config_;
  }

 private:
  Config config_;
  std::exception_ptr mistake_;
};

ExitCode run_body(const Program& program, const CommandLine& line, const EarlyConfig& early,
                  const Body& body) {
  comm::Group world = comm::Group::world();
  const log::Level level = log::parse_level(line.log_level);
  log::set_up({program.name, comm::host_name(), world.rank(), world.size()}, level);
  comm::refuse_lonely_slurm_task(world.size());
  comm::agreed(world, [&] { early.checked(); });
  const Config& config = early.checked();
  const ProgressStyle progress = parse_progress(line.progress);
  comm::Topology topology = comm::discover_topology(world);
  if (line.print_config || line.topology) {
    if (world.rank() != 0) return ExitCode::done;
    std::fputs(line.print_config ? config.to_ini(program.sections).c_str() : topology.map().c_str(), stdout);
    return ExitCode::done;
  }
  const bool is_first = world.rank() == 0;
  const Context context{std::move(world), std::move(topology), is_first ? progress : ProgressStyle::silent};
  const ExitCode code = body(config, context);
  if (code == ExitCode::stopped) log::info("stopped early; the same command goes on from here");
  return code;
}

// All ranks throw an AgreedError; any other error is known to this rank alone, and the others may be waiting
// for it.
ExitCode guarded_body(const Program& program, const CommandLine& line, const EarlyConfig& early,
                      const Body& body) {
  try {
    return run_body(program, line, early, body);
  } catch (const comm::AgreedError& error) {
    if (comm::Group::world().rank() == 0) report(error);
    return error.kind();
  } catch (...) {
    const Error error = to_error(std::current_exception());
    report(error);
    if (comm::Group::world().size() > 1) comm::abort_all(static_cast<int>(error.kind()));
    return error.kind();
  }
}

CommandLine checked_command_line(const Program& program, int argc, const char* const* argv) {
  CommandLine line = parse_command_line(program, all_keys(), argc, argv);
  log::parse_level(line.log_level);
  parse_progress(line.progress);
  return line;
}

ExitCode run_under_mpi(const Program& program, const CommandLine& line, const Body& body) {
  std::signal(SIGXFSZ, SIG_IGN);  // a write past ulimit -f then fails with an error that has a remedy
  const EarlyConfig early(line);
  const double limit_seconds = early.startup_limit_seconds();
  std::optional<comm::StartupAlarm> alarm(std::in_place, limit_seconds, "the start of MPI");
  const bool runs = !line.print_config && !line.topology && early.is_sound();
  const auto meanwhile = program.begin_early && runs
                             ? program.begin_early(early.checked(), comm::launched_rank().value_or(0))
                             : nullptr;
  const comm::MpiRuntime mpi(nullptr, nullptr);
  const ExitCode code = guarded_body(program, line, early, [&](const Config& config, const Context& context) {
    std::optional<comm::Watchdog> watchdog;
    if (!program.watches_itself)
      watchdog.emplace(context.world, context.topology, comm::silence_limit(config), nullptr);
    alarm.reset();
    return body(config, context);
  });
  alarm.emplace(limit_seconds, "the end of MPI");  // which waits for all ranks
  return code;
}

// What was asked for instead of a run; empty: nothing.
std::string text_asked_for(const Program& program, const CommandLine& line) {
  if (line.help) return help_text(program, all_keys());
  if (line.version) return fmt::format("{} {}\n", program.name, version());
  if (line.man_page) return man_page(program, all_keys());
  if (line.bash_completion) return bash_completion(program, all_keys());
  return "";
}

}  // namespace

int run_program(const Program& program, int argc, char** argv, const Body& body) {
  try {
    const CommandLine line = checked_command_line(program, argc, argv);
    const std::string text = text_asked_for(program, line);
    if (text.empty()) return static_cast<int>(run_under_mpi(program, line, body));
    if (is_first_process()) std::fputs(text.c_str(), stdout);
    return 0;
  } catch (...) {
    const Error error = to_error(std::current_exception());
    if (is_first_process()) report(error);
    return static_cast<int>(error.kind());
  }
}

}  // namespace dfm::cli
