#include "data/energon/shard_shapes.h"

namespace dfm::data {

const std::vector<SampleShape>& ShardShapes::rows(const std::string& shard) {
  const std::scoped_lock lock(mutex_);
  auto& rows = rows_[shard];
  if (rows == nullptr) rows = std::make_unique<const std::vector<SampleShape>>(file_.read_rows(shard));
  return *rows;
}

}  // namespace dfm::data
