// The sources of configuration layers: recipes and INI files, YAML files (yaml-cpp), command-line
// words.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"

namespace dfm {

// In bytes. Larger ones are data errors: lists of prompts have files of their own.
inline constexpr std::uint64_t kLargestConfigFile = 1U << 20U;

// `[section]` and `key = value`. A comment begins with ';' or '#' at the start of a line or after a blank. A
// value in double quotes is a JSON string: so are written texts that begin or end with a blank, or hold a
// line break or what looks like a comment. The values' origin is `origin` and the line. Throws a usage error
// with the line of a mistake.
Layer read_ini_file(const std::filesystem::path& path, const std::string& origin);

// Nested maps become dotted keys, lists become list values, `${oc.env:NAME,default}` is replaced from the
// environment (the users' shipped files use it, spec/dfm.md section 5.1).
Layer read_yaml_file(const std::filesystem::path& path);

// By extension: .yaml or .yml, else INI.
Layer read_config_file(const std::filesystem::path& path);

// A recipe by name (config/recipes/NAME.ini of the installation) or by path, its bases first:
// `[recipe] base = NAME` builds on another one.
std::vector<Layer> read_recipe(const std::string& name);

// Names of the recipes this installation brings.
std::vector<std::string> recipe_names();

// True for `section.key=value`.
bool is_assignment_word(std::string_view word);
Assignment parse_assignment_word(const std::string& word);

// Whether a value stood on the command line, as a word or as an option.
bool is_typed(const Config& config, std::string_view key);

// Throws a usage error for a key that was typed although it does nothing beside `other`: who typed it
// believes that it does. Files may hold it.
void refuse_idle(const Config& config, const std::string& key, std::string_view other,
                 const std::string& remedy);

}  // namespace dfm
