#include <yaml-cpp/yaml.h>

#include <cstdlib>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "config/layers.h"
#include "core/error.h"
#include "core/file.h"

namespace dfm {
namespace {

constexpr int kDeepest = 8;
constexpr std::size_t kMostKeys = 10000;

// Replaces ${oc.env:NAME} and ${oc.env:NAME,default}.
std::string with_environment(std::string text, const std::string& place) {
  static constexpr std::string_view kOpening = "${oc.env:";
  for (auto start = text.find(kOpening); start != std::string::npos; start = text.find(kOpening)) {
    const auto end = text.find('}', start);
    if (end == std::string::npos) throw usage_error(fmt::format("{}: '{}' has no closing brace", place, text));
    const std::string inside = text.substr(start + kOpening.size(), end - start - kOpening.size());
    const auto comma = inside.find(',');
    const std::string name = inside.substr(0, comma);
    const char* const value = std::getenv(name.c_str());
    if (value == nullptr && comma == std::string::npos) {
      throw usage_error(fmt::format("{}: the environment variable {} is not set", place, name),
                        "set it, or give a default: ${oc.env:NAME,default}");
    }
    text.replace(start, end - start + 1, value != nullptr ? std::string(value) : inside.substr(comma + 1));
  }
  return text;
}

class Flattener {
 public:
  explicit Flattener(std::string file) : file_(std::move(file)) {}

  void visit(const YAML::Node& node, const std::string& key, int depth) {
    if (depth > kDeepest || layer_.size() > kMostKeys) throw usage_error(file_ + " is nested too deeply or too large");
    const std::string place = fmt::format("{}:{}", file_, node.Mark().line + 1);
    switch (node.Type()) {
      case YAML::NodeType::Map:
        for (const auto& child : node) {
          const auto name = child.first.as<std::string>();
          visit(child.second, key.empty() ? name : key + "." + name, depth + 1);
        }
        return;
      case YAML::NodeType::Sequence: layer_.push_back({key, list_text(node), place}); return;
      case YAML::NodeType::Null: layer_.push_back({key, "null", place}); return;
      case YAML::NodeType::Scalar: layer_.push_back({key, with_environment(node.Scalar(), place), place}); return;
      case YAML::NodeType::Undefined: return;
    }
  }

  Layer take() { return std::move(layer_); }

 private:
  static std::string list_text(const YAML::Node& node) {
    std::vector<std::string> items;
    for (const auto& item : node) items.push_back(item.as<std::string>());
    return nlohmann::json(items).dump();
  }

  std::string file_;
  Layer layer_;
};

}  // namespace

Layer read_yaml_file(const std::filesystem::path& path) {
  try {
    const YAML::Node root = YAML::Load(read_text(path));
    if (root.IsNull()) return {};
    if (!root.IsMap()) throw usage_error(path.native() + " is not a map of sections");
    Flattener flattener(path.filename().native());
    flattener.visit(root, "", 0);
    return flattener.take();
  } catch (const YAML::Exception& error) {
    throw usage_error(fmt::format("{} is not YAML that can be used: {}", path.native(), error.what()));
  }
}

}  // namespace dfm
