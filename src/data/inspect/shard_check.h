// One shard against all that is recorded of it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "data/energon/dataset_metadata.h"
#include "data/energon/sample_table_reader.h"
#include "data/energon/shapes_file.h"
#include "data/energon/shard_result.h"

namespace dfm::data {

struct ShardCheck {
  std::uint64_t samples = 0, parts = 0, tensors = 0, bytes = 0;
  std::vector<std::string> findings;
};

// What all shards of a data set are compared with: index.sqlite and dfm_shapes.bin, opened once. Both are
// null where there is no such file, and throw a data error for one that is damaged.
class CommonRecords {
 public:
  explicit CommonRecords(std::filesystem::path root) : root_(std::move(root)) {}

  const std::filesystem::path& root() const { return root_; }
  SampleTableReader* tables();
  const ShapesFile* shapes();

 private:
  std::filesystem::path root_;
  std::optional<SampleTableReader> tables_;
  std::optional<ShapesFile> shapes_;
};

// place: the shard's in .info.json.
ShardCheck check_shard(CommonRecords& common, std::size_t place, const ShardCount& listed,
                       const ShapeReader& read_shapes);

}  // namespace dfm::data
