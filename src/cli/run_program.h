// The frame of every program: options, configuration, MPI, log, signals, and one exit code on all ranks.
//
//   int main(int argc, char** argv) {
//     return cli::run_program(program(), argc, argv, [](const Config& config, const cli::Context& context) {
//       ...
//       return ExitCode::done;
//     });
//   }
#pragma once

#include <functional>

#include "cli/command_line.h"
#include "comm/group.h"
#include "comm/topology.h"
#include "config/config.h"
#include "core/error.h"
#include "core/progress.h"

namespace dfm::cli {

struct Context {
  comm::Group world;
  comm::Topology topology;
  ProgressStyle progress;  // silent on all ranks but 0
};

using Body = std::function<ExitCode(const Config&, const Context&)>;

int run_program(const Program& program, int argc, char** argv, const Body& body);

}  // namespace dfm::cli
