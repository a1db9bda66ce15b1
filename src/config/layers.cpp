#include "config/layers.h"

#include <algorithm>
#include <cctype>
#include <system_error>

#include <fmt/format.h>

#include "core/error.h"

namespace dfm {
namespace fs = std::filesystem;
namespace {

constexpr const char* kWordOrigin = "command line";

// An installation may be moved, so it is looked for from the program; a build folder has the same shape.
fs::path recipe_folder() {
  std::error_code ignored;
  const fs::path program = fs::read_symlink("/proc/self/exe", ignored);
  return (program.parent_path().parent_path() / "share/dfm/recipes").lexically_normal();
}

fs::path recipe_path(const std::string& name) {
  if (name.find('/') != std::string::npos || name.ends_with(".ini")) return name;
  return recipe_folder() / (name + ".ini");
}

// Removes the `[recipe] base` line from a recipe and returns its value.
std::string take_base(Layer& layer) {
  const auto base = std::ranges::find(layer, "recipe.base", &Assignment::key);
  if (base == layer.end()) return "";
  std::string name = base->text;
  layer.erase(base);
  return name;
}

}  // namespace

std::vector<std::string> recipe_names() {
  std::vector<std::string> names;
  std::error_code ignored;
  for (const auto& file : fs::directory_iterator(recipe_folder(), ignored)) {
    if (file.path().extension() == ".ini") names.push_back(file.path().stem().native());
  }
  std::ranges::sort(names);
  return names;
}

namespace {

std::string unknown_recipe_hint() {
  const std::vector<std::string> names = recipe_names();
  if (!names.empty()) return fmt::format("known recipes: {}", fmt::join(names, ", "));
  return fmt::format("{} holds none: is the program still where it was installed?", recipe_folder().native());
}

}  // namespace

std::vector<Layer> read_recipe(const std::string& name) {
  static constexpr std::size_t kLongestChain = 8;
  std::vector<Layer> layers;
  for (std::string next = name; !next.empty();) {
    if (layers.size() >= kLongestChain)
      throw usage_error(fmt::format("the bases of recipe {} never end", name));
    const fs::path path = recipe_path(next);
    if (!fs::exists(path)) {
      throw usage_error(fmt::format("recipe '{}' is not known", next), unknown_recipe_hint());
    }
    layers.push_back(read_ini_file(path, "recipe " + path.stem().native()));
    next = take_base(layers.back());
  }
  std::ranges::reverse(layers);
  return layers;
}

Layer read_config_file(const fs::path& path) {
  if (!fs::is_regular_file(path))
    throw usage_error(fmt::format("config file {} does not exist", path.native()));
  const std::string extension = path.extension().native();
  if (extension == ".yaml" || extension == ".yml") return read_yaml_file(path);
  return read_ini_file(path, path.filename().native());
}

bool is_assignment_word(std::string_view word) {
  const auto equals = word.find('=');
  if (equals == std::string_view::npos) return false;
  const std::string_view key = word.substr(0, equals);
  const auto dot = key.find('.');
  if (dot == std::string_view::npos || dot == 0 || dot + 1 == key.size()) return false;
  return std::ranges::all_of(key,
                             [](unsigned char c) { return std::isalnum(c) != 0 || c == '_' || c == '.'; });
}

Assignment parse_assignment_word(const std::string& word) {
  const auto equals = word.find('=');
  return {word.substr(0, equals), word.substr(equals + 1), kWordOrigin};
}

bool is_typed(const Config& config, std::string_view key) {
  const std::string& origin = config.origin(key);
  return origin == kWordOrigin || origin.starts_with("--");  // options are named so (cli/command_line)
}

void refuse_idle(const Config& config, const std::string& key, std::string_view other,
                 const std::string& remedy) {
  if (!is_typed(config, key) || config.is_null(key)) return;
  throw usage_error(fmt::format("{} = {} has no effect with {}", key, config.values_as_text().at(key), other),
                    remedy);
}

}  // namespace dfm
