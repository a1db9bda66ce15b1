#include "data/energon/shard_shapes.h"

#include <algorithm>

namespace dfm::data {
namespace {

constexpr std::size_t kMostKept = 32;

}  // namespace

ShardShapes::Rows ShardShapes::rows(const std::string& shard) {
  const std::scoped_lock lock(mutex_);
  const auto place = std::ranges::find(recent_, shard, &std::pair<std::string, Rows>::first);
  if (place != recent_.end()) {
    recent_.splice(recent_.begin(), recent_, place);
  } else {
    recent_.emplace_front(shard, std::make_shared<const std::vector<SampleShape>>(file_.read_rows(shard)));
    if (recent_.size() > kMostKept) recent_.pop_back();
  }
  return recent_.front().second;
}

}  // namespace dfm::data
