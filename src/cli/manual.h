// The manual page of a program in the man(7) language, made from the tables that its help prints. `make
// install` puts it where man finds it.
#pragma once

#include <string>

#include "cli/command_line.h"

namespace dfm::cli {

std::string man_page(const Program& program, const KeyTable& keys);

}  // namespace dfm::cli
