// The folder that receives the shards, and what it remembers between starts.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace dfm::prepare {

// What became of the items of one shard.
struct ShardRecord {
  std::int64_t samples = 0;
  std::vector<std::string> skipped;  // "name: why"
};

class OutputFolder {
 public:
  explicit OutputFolder(std::filesystem::path path) : path_(std::move(path)) {}

  // Creates the folder, or checks that what it holds was made with the same fingerprint. Throws a usage error
  // when it holds something else. Called on one rank.
  void claim(const std::string& fingerprint) const;

  std::filesystem::path shard_path(std::int64_t shard) const;
  // Empty when the shard is not finished.
  std::optional<ShardRecord> finished(std::int64_t shard) const;
  // Called before the shard itself is committed, so that a finished shard always has its record.
  void remember(std::int64_t shard, const ShardRecord& record) const;

 private:
  std::filesystem::path record_path(std::int64_t shard) const;

  std::filesystem::path path_;
};

std::string to_text(const ShardRecord& record);
ShardRecord shard_record_from_text(const std::string& text, const std::string& what);

}  // namespace dfm::prepare
