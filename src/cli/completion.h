// The completion of a program for bash, made from the tables that its help prints. It needs nothing but bash:
// it works when sourced, through bash-completion where that is installed, and through the module file.
#pragma once

#include <string>

#include "cli/command_line.h"

namespace dfm::cli {

std::string bash_completion(const Program& program, const KeyTable& keys);

}  // namespace dfm::cli
