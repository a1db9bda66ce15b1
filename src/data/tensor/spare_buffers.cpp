#include "data/tensor/spare_buffers.h"

#include <algorithm>
#include <deque>
#include <mutex>

namespace dfm::data {
namespace {

constexpr std::size_t kSmallest = 256U << 10U;
constexpr std::size_t kMostKept = std::size_t{1} << 30U;

class Store {
 public:
  void put(std::vector<std::byte> buffer) {
    const std::scoped_lock lock(mutex_);
    kept_ += buffer.size();
    buffers_.push_back(std::move(buffer));
    for (; kept_ > kMostKept; buffers_.pop_front()) kept_ -= buffers_.front().size();
  }

  std::vector<std::byte> take(std::size_t size_bytes) {
    const std::scoped_lock lock(mutex_);
    const auto place = std::ranges::find(buffers_, size_bytes, &std::vector<std::byte>::size);
    if (place == buffers_.end()) return {};
    std::vector<std::byte> buffer = std::move(*place);
    buffers_.erase(place);
    kept_ -= size_bytes;
    return buffer;
  }

 private:
  std::mutex mutex_;
  std::deque<std::vector<std::byte>> buffers_;
  std::size_t kept_ = 0;
};

Store& store() {
  static Store one;
  return one;
}

}  // namespace

void give_back(Array array) {
  if (array.bytes.size() >= kSmallest) store().put(std::move(array.bytes));
}

std::vector<std::byte> take_buffer(std::size_t size_bytes) {
  std::vector<std::byte> buffer;
  if (size_bytes >= kSmallest) buffer = store().take(size_bytes);
  buffer.resize(size_bytes);
  return buffer;
}

}  // namespace dfm::data
