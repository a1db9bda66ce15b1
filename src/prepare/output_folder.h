// The folder that receives the shards, and what it remembers between starts:
//
//   DST/shard_000000.tar                            finished shards
//   DST/.dfm_prepare/fingerprint.txt                what they are made of
//   DST/.dfm_prepare/captions.bin                   the hash of each item's caption
//   DST/.dfm_prepare/shard_000000.json              how many samples it holds, and what was left out
//   DST/.dfm_prepare/part_000000000_000000064.tar   items of a shard that is not finished, with a .json, too
//   DST/.dfm_prepare/left_out.txt                   what was left out of all shards
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "prepare/shard_record.h"
#include "prepare/work_plan.h"

namespace dfm::prepare {

class OutputFolder {
 public:
  explicit OutputFolder(std::filesystem::path path) : path_(std::move(path)) {}

  // Creates the folder, or checks that what it holds was made with the same fingerprint. Throws a usage error
  // when it holds something else. Called on one rank. The captions are those of a new folder.
  void claim(const std::string& fingerprint, std::span<const std::uint64_t> captions) const;
  // The hashes that were remembered last.
  std::vector<std::uint64_t> captions(std::size_t items) const;
  void remember_captions(std::span<const std::uint64_t> hashes) const;

  std::filesystem::path shard_path(std::int64_t shard) const;
  std::filesystem::path part_path(const ItemRange& part) const;
  // Where the record of a shard or part lies.
  std::filesystem::path record_path(const std::filesystem::path& tar) const;

  // Empty when the shard or part is not finished.
  std::optional<ShardRecord> finished(const std::filesystem::path& tar) const;
  // Called before a new shard itself is committed, so that a finished shard always has its record.
  void remember(const std::filesystem::path& tar, const ShardRecord& record) const;

  // The finished parts that an interrupted run left.
  std::vector<ItemRange> parts() const;
  void remove_parts() const;

  std::filesystem::path left_out_list() const;
  // Removes the list where nothing was left out.
  void write_left_out(const ShardRecord& all) const;

 private:
  std::filesystem::path path_;
};

}  // namespace dfm::prepare
