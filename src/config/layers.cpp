#include "config/layers.h"

#include <algorithm>
#include <cctype>
#include <system_error>

#include <fmt/format.h>

#include "core/error.h"

namespace dfm {
namespace fs = std::filesystem;
namespace {

// Beside the installed program, else in the source tree that this build belongs to.
fs::path recipe_folder() {
  std::error_code ignored;
  const fs::path installed =
      fs::read_symlink("/proc/self/exe", ignored).parent_path() / "../share/dfm/recipes";
  if (fs::is_directory(installed, ignored)) return installed;
  return DFM_SOURCE_RECIPES;
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

std::vector<Layer> read_recipe(const std::string& name) {
  static constexpr std::size_t kLongestChain = 8;
  std::vector<Layer> layers;
  for (std::string next = name; !next.empty();) {
    if (layers.size() >= kLongestChain)
      throw usage_error(fmt::format("the bases of recipe {} never end", name));
    const fs::path path = recipe_path(next);
    if (!fs::exists(path)) {
      throw usage_error(fmt::format("recipe '{}' is not known", next),
                        fmt::format("known recipes: {}", fmt::join(recipe_names(), ", ")));
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
  return {word.substr(0, equals), word.substr(equals + 1), "command line"};
}

}  // namespace dfm
