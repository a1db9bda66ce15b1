// The options that every program has, as one table: the parser, the help, the manual page and the completion
// are made from it.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "cli/command_line.h"

namespace dfm::cli {

struct CommonOption {
  std::string name;
  std::variant<bool CommandLine::*, std::string CommandLine::*>
      target;              // a switch, or an option with a value
  std::string value_name;  // empty for a switch
  std::string help;
  std::vector<std::string> choices;  // empty: anything
  std::string letter = "";           // its short form

  bool is_switch() const { return value_name.empty(); }
  // The help with its choices.
  std::string full_help() const;
};

const std::vector<CommonOption>& common_options();

// For building and packaging: accepted, but in no list.
const std::vector<CommonOption>& hidden_options();

}  // namespace dfm::cli
