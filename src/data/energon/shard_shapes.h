// The rows of dfm_shapes.bin by shard, read when they are first asked for.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "data/energon/shapes_file.h"

namespace dfm::data {

class ShardShapes {
 public:
  explicit ShardShapes(ShapesFile file) : file_(std::move(file)) {}

  const ShapesFile& file() const { return file_; }
  // Thread-safe. The reference stays valid.
  const std::vector<SampleShape>& rows(const std::string& shard);

 private:
  ShapesFile file_;
  std::mutex mutex_;
  std::unordered_map<std::string, std::unique_ptr<const std::vector<SampleShape>>> rows_;
};

}  // namespace dfm::data
