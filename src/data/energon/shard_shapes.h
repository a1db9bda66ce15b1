// The rows of dfm_shapes.bin by shard, read when they are asked for. Those of the shards that were asked for
// last are kept, so that memory does not grow with the data set.
#pragma once

#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/file.h"
#include "data/energon/find_copy.h"
#include "data/energon/shapes_file.h"

namespace dfm::data {

class ShardShapes {
 public:
  using Rows = std::shared_ptr<const std::vector<SampleShape>>;

  ShardShapes(ShapesFile file, FindCopy find_copy)
      : file_(std::move(file)), find_copy_(std::move(find_copy)) {}

  const ShapesFile& file() const { return file_; }
  // Thread-safe.
  Rows rows(const std::string& shard);

 private:
  std::vector<SampleShape> read(const std::string& shard);
  std::vector<SampleShape> read_from_file(const std::string& shard);

  ShapesFile file_;
  FindCopy find_copy_;
  std::mutex mutex_;                                // guards what follows
  std::optional<File> opened_;                      // where a copy did not do
  std::list<std::pair<std::string, Rows>> recent_;  // the last used first
};

}  // namespace dfm::data
