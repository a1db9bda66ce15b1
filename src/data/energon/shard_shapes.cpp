#include "data/energon/shard_shapes.h"

#include <algorithm>

#include "core/error.h"

namespace dfm::data {
namespace {

constexpr std::size_t kMostKept = 32;

}  // namespace

// Rows have a checksum of their own: a copy that is damaged or was taken away is passed over.
std::vector<SampleShape> ShardShapes::read(const std::string& shard) {
  if (const auto copy = find_copy_ ? find_copy_(file_.path()) : std::nullopt) {
    try {
      return file_.read_rows(shard, File::open_to_read(*copy));
    } catch (const Error&) {
      return read_from_file(shard);
    }
  }
  return read_from_file(shard);
}

std::vector<SampleShape> ShardShapes::read_from_file(const std::string& shard) {
  if (!opened_) opened_ = File::open_to_read(file_.path());
  return file_.read_rows(shard, *opened_);
}

ShardShapes::Rows ShardShapes::rows(const std::string& shard) {
  const std::scoped_lock lock(mutex_);
  const auto place = std::ranges::find(recent_, shard, &std::pair<std::string, Rows>::first);
  if (place != recent_.end()) {
    recent_.splice(recent_.begin(), recent_, place);
  } else {
    recent_.emplace_front(shard, std::make_shared<const std::vector<SampleShape>>(read(shard)));
    if (recent_.size() > kMostKept) recent_.pop_back();
  }
  return recent_.front().second;
}

}  // namespace dfm::data
