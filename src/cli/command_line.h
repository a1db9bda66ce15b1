// The command line that all programs share: options, positional arguments and `section.key=value` words, each
// of which sets a configuration key (or is one of the common options).
//
// '-' and '_' are the same in option names; the spellings of the users' documents are accepted.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/config.h"

namespace dfm::cli {

// --name VALUE sets `key`. The help text is the key's.
struct Option {
  std::string name;
  std::string key;
};

struct Program {
  std::string name;
  std::string summary;              // one sentence
  std::vector<Option> positionals;  // name as printed, and key, in order
  std::vector<Option> options;
  std::vector<std::string> sections;  // of the configuration, that this program reads
  std::string examples;               // printed at the end of the help
  // Called before MPI is up, with the rank that the launcher gave; what it returns lives as long as the
  // program.
  std::function<std::shared_ptr<void>(const Config&, std::int64_t)> begin_early = {};
  bool watches_itself = false;  // has a watchdog of its own; the others get one that minds silent ranks
};

struct CommandLine {
  bool help = false;
  bool version = false;
  bool print_config = false;
  bool topology = false;
  bool man_page = false;  // hidden, as is the next
  bool bash_completion = false;
  std::string log_level = "info";
  std::string progress = "auto";
  std::string recipe;
  std::string config_file;
  Layer assignments;
};

// Throws a usage error for what it does not know.
CommandLine parse_command_line(const Program& program, const KeyTable& keys, int argc,
                               const char* const* argv);

std::string help_text(const Program& program, const KeyTable& keys);

// For those who list options and keys: the declaration of `name`, and the keys in the sections of `program`.
const Key& find_key(const KeyTable& table, const std::string& name);
std::vector<Key> keys_of(const Program& program, const KeyTable& table);

}  // namespace dfm::cli
