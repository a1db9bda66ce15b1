// Finds the shards of a folder in the order that numbers their samples (spec/energon.md section 1.1).
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace dfm::data {

struct ShardFile {
  std::string name;  // relative to the root, with slashes
  std::uint64_t size_bytes = 0;
};

struct SkippedShard {
  std::string name;
  std::string reason;
};

struct Discovery {
  std::vector<ShardFile> shards;
  std::vector<SkippedShard> skipped;  // cannot be a shard of a data set whatever they hold
};

// *.tar and *.tgz in the folder and below, sorted by the parts of their path, each by code point. Hidden
// files and folders are not visited, links to folders are followed (not in circles). exclude: a regular
// expression (python_regex.h); names in which it is found are left out; empty for none. Throws a usage error
// for a malformed one and a storage error when the root cannot be read.
//
// Skipped: what is not a regular file, names that are not UTF-8 or that split.yaml could not hold (braces,
// backslashes), and a second shard whose index would have the same name (a.tgz beside a.tar).
Discovery find_shards(const std::filesystem::path& root, std::string_view exclude);

// A discovery as it travels between ranks.
std::string to_text(const Discovery& discovery);
Discovery discovery_from_text(std::string_view text);

}  // namespace dfm::data
