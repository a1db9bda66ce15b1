#include "data/loader/metadataset_file.h"

#include <algorithm>
#include <cmath>
#include <system_error>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/file.h"
#include "core/text.h"

namespace dfm::data {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kLargestFileBytes = 8U << 20U;
constexpr std::size_t kMostItems = 10'000;

}  // namespace

MetaNode MetaNode::load(const fs::path& file) {
  std::error_code error;
  if (fs::status(file, error).type() == fs::file_type::not_found) {
    throw data_error(fmt::format("the metadataset {} does not exist", file.native()), "correct the path");
  }
  MetaNode root(file, "", YAML::Node());
  try {
    root.node_ = YAML::Load(read_text(file, kLargestFileBytes));
  } catch (const YAML::Exception& mistake) {
    throw root.refusal(mistake.what());
  }
  if (!root.node_.IsMap()) throw root.refusal("is not a map with splits");
  return root;
}

Error MetaNode::refusal(std::string_view what, std::string_view hint) const {
  return data_error(fmt::format("{}: {}{}{}", file_.native(), place_, place_.empty() ? "" : ": ", what),
                    std::string(hint));
}

bool MetaNode::has(const char* key) const { return node_.IsMap() && node_[key].IsDefined(); }

std::vector<std::string> MetaNode::keys() const {
  std::vector<std::string> names;
  if (!node_.IsMap()) throw refusal("is not a map");
  for (const auto& pair : node_) {
    if (!pair.first.IsScalar()) throw refusal("has a key that is not a name");
    names.push_back(pair.first.Scalar());
  }
  return names;
}

void MetaNode::allow_only(std::initializer_list<const char*> known) const {
  for (const std::string& key : keys()) {
    if (std::ranges::find(known, key) != known.end()) continue;
    throw refusal(fmt::format("'{}' is not known", printable(key)),
                  fmt::format("known here: {}", fmt::join(known, ", ")));
  }
}

MetaNode MetaNode::below(const std::string& step, const YAML::Node& node) const {
  const char* const dot = place_.empty() || step.starts_with('[') ? "" : ".";
  return {file_, place_ + dot + printable(step), node};
}

MetaNode MetaNode::map(const std::string& key) const {
  MetaNode node = below(key, node_[key]);
  if (!node.node_.IsDefined() || !node.node_.IsMap()) throw node.refusal("is not a map");
  return node;
}

std::vector<MetaNode> MetaNode::list(const char* key) const {
  const MetaNode whole = below(key, node_[key]);
  if (!whole.node_.IsSequence() || whole.node_.size() == 0) throw whole.refusal("is not a list of data sets");
  if (whole.node_.size() > kMostItems) throw whole.refusal(fmt::format("has more than {} items", kMostItems));
  std::vector<MetaNode> items;
  for (const auto& item : whole.node_) items.push_back(whole.below(fmt::format("[{}]", items.size()), item));
  return items;
}

std::optional<std::string> MetaNode::text(const char* key) const {
  if (!has(key) || node_[key].IsNull()) return std::nullopt;
  if (!node_[key].IsScalar()) throw below(key, node_).refusal("is not a word");
  return node_[key].Scalar();
}

std::string MetaNode::required_text(const char* key) const {
  const auto found = text(key);
  if (!found || found->empty()) throw refusal(fmt::format("has no {}", key));
  return *found;
}

double MetaNode::amount(const char* key, double fallback) const {
  if (!has(key)) return fallback;
  double value = -1;
  const bool is_number = node_[key].IsScalar() && YAML::convert<double>::decode(node_[key], value);
  if (is_number && std::isfinite(value) && value >= 0) return value;
  throw below(key, node_).refusal("is not a number from 0 on");
}

std::vector<std::pair<std::string, std::string>> MetaNode::values(const char* key) const {
  std::vector<std::pair<std::string, std::string>> values;
  if (!has(key) || node_[key].IsNull()) return values;
  const MetaNode whole = map(key);
  for (const std::string& name : whole.keys()) {
    const YAML::Node value = whole.node_[name];
    values.emplace_back(name, value.IsScalar() ? value.Scalar() : YAML::Dump(value));
  }
  return values;
}

std::vector<std::string> MetaNode::scalars(const char* key) const {
  const MetaNode whole = below(key, node_[key]);
  if (!whole.node_.IsSequence()) throw whole.refusal("is not a list");
  std::vector<std::string> words;
  for (const auto& item : whole.node_) {
    if (!item.IsScalar()) throw whole.refusal("holds something that is not a word");
    words.push_back(item.Scalar());
  }
  return words;
}

}  // namespace dfm::data
