// The sources of configuration layers: recipes and INI files (inih), YAML files (yaml-cpp), command-line words.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"

namespace dfm {

// `[section]` and `key = value`; comments begin with ';' or '#'. Throws a usage error with the line of a mistake.
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

}  // namespace dfm
