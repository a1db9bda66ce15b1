#include <cstdlib>

#include <fmt/core.h>
#include <nlohmann/json.hpp>
#include <yaml-cpp/yaml.h>

#include "config/layers.h"
#include "core/error.h"
#include "core/file.h"
#include "core/text.h"

namespace dfm {
namespace {

constexpr int kDeepest = 8;
// Aliases let a short file stand for a huge one.
constexpr std::size_t kMostNodes = 20'000;

std::size_t closing_brace(std::string_view text) {
  int open = 1;
  for (std::size_t i = 0; i < text.size(); ++i) {
    open += text[i] == '{' ? 1 : text[i] == '}' ? -1 : 0;
    if (open == 0) return i;
  }
  return std::string_view::npos;
}

// Replaces ${oc.env:NAME} and ${oc.env:NAME,default}, whose default may hold further ones.
std::string with_environment(std::string_view text, const std::string& place, int depth = 0) {
  static constexpr std::string_view kOpening = "${oc.env:";
  if (depth > kDeepest) throw usage_error(fmt::format("{} is nested too deeply", place));
  std::string out;
  for (auto start = text.find(kOpening); start != std::string_view::npos; start = text.find(kOpening)) {
    const std::string_view rest = text.substr(start + kOpening.size());
    const auto end = closing_brace(rest);
    if (end == std::string_view::npos)
      throw usage_error(fmt::format("{}: '{}' has no closing brace", place, text));
    const std::string_view inner = rest.substr(0, end);
    const auto comma = inner.find(',');
    const std::string name(inner.substr(0, comma));
    const char* const value = std::getenv(name.c_str());
    if (value == nullptr && comma == std::string_view::npos) {
      throw usage_error(fmt::format("{}: the environment variable {} is not set", place, name),
                        "set it, or give a default: ${oc.env:NAME,default}");
    }
    out += text.substr(0, start);
    out += value != nullptr ? value : with_environment(inner.substr(comma + 1), place, depth + 1);
    text = rest.substr(end + 1);
  }
  return out.append(text);
}

class Flattener {
 public:
  explicit Flattener(std::string file) : file_(std::move(file)) {}

  void visit(const YAML::Node& node, const std::string& key, int depth) {
    count(key.size() + node_bytes(node));
    if (depth > kDeepest) throw usage_error(file_ + " is nested too deeply");
    const std::string place = fmt::format("{}:{}", file_, node.Mark().line + 1);
    switch (node.Type()) {
      case YAML::NodeType::Map:
        for (const auto& child : node) {
          const auto name = child.first.as<std::string>();
          visit(child.second, key.empty() ? name : fmt::format("{}.{}", key, name), depth + 1);
        }
        return;
      case YAML::NodeType::Sequence:
        layer_.push_back({key, list_text(node, place), place});
        return;
      case YAML::NodeType::Null:
        layer_.push_back({key, "null", place});
        return;
      case YAML::NodeType::Scalar:
        layer_.push_back({key, with_environment(node.Scalar(), place), place});
        return;
      case YAML::NodeType::Undefined:
        return;
    }
  }

  Layer take() { return std::move(layer_); }

 private:
  static std::size_t node_bytes(const YAML::Node& node) { return node.IsScalar() ? node.Scalar().size() : 0; }

  void count(std::size_t text_bytes) {
    text_bytes_ += text_bytes;
    if (++nodes_ > kMostNodes || text_bytes_ > kLargestConfigFile) throw usage_error(file_ + " is too large");
  }

  std::string list_text(const YAML::Node& node, const std::string& place) {
    std::vector<std::string> items;
    for (const auto& item : node) {
      count(node_bytes(item));
      items.push_back(with_environment(item.as<std::string>(), place));
      if (is_utf8(items.back())) continue;
      throw usage_error(fmt::format("{}: '{}' in a list is not UTF-8", place, printable(items.back())));
    }
    return nlohmann::json(items).dump();
  }

  std::string file_;
  Layer layer_;
  std::size_t nodes_ = 0;
  std::size_t text_bytes_ = 0;
};

}  // namespace

Layer read_yaml_file(const std::filesystem::path& path) {
  try {
    const YAML::Node root = YAML::Load(read_text(path, kLargestConfigFile));
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
