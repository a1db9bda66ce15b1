// The YAML of metadatasets, read strictly: every node knows its place in the file, for errors.
#pragma once

#include <filesystem>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <yaml-cpp/yaml.h>

#include "core/error.h"

namespace dfm::data {

class MetaNode {
 public:
  // The whole file. Throws a data error for one that is not there, too large, or no YAML map.
  static MetaNode load(const std::filesystem::path& file);

  const std::filesystem::path& file() const { return file_; }
  Error refusal(std::string_view what, std::string_view hint = "correct the file") const;

  bool has(const char* key) const;
  // Throws when the node has other keys than these.
  void allow_only(std::initializer_list<const char*> keys) const;
  std::vector<std::string> keys() const;

  MetaNode map(const std::string& key) const;
  // The items of the list under a key; at least one.
  std::vector<MetaNode> list(const char* key) const;
  // Absent or null: empty.
  std::optional<std::string> text(const char* key) const;
  std::string required_text(const char* key) const;
  // Finite and not negative.
  double amount(const char* key, double fallback) const;
  // The values of a map under a key, as YAML text.
  std::vector<std::pair<std::string, std::string>> values(const char* key) const;
  // The scalars of a list under a key.
  std::vector<std::string> scalars(const char* key) const;

 private:
  MetaNode(std::filesystem::path file, std::string place, const YAML::Node& node)
      : file_(std::move(file)), place_(std::move(place)), node_(node) {}

  MetaNode below(const std::string& step, const YAML::Node& node) const;

  std::filesystem::path file_;
  std::string place_;  // "splits.train.blend[2]"
  YAML::Node node_;
};

}  // namespace dfm::data
