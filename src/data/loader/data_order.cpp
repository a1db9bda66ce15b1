#include "data/loader/data_order.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "core/error.h"
#include "core/philox.h"

namespace dfm::data {
namespace {

// Fisher-Yates with keyed draws.
template <class T>
void shuffle(std::vector<T>& items, std::uint64_t seed, std::uint64_t key) {
  const Philox random(seed, Stream::data_order, key);
  for (std::size_t i = items.size(); i > 1; --i) std::swap(items[i - 1], items[random.below(i, i)]);
}

// Slices of an epoch and samples of a block draw from different keys.
std::uint64_t slice_key(std::int64_t epoch) { return static_cast<std::uint64_t>(epoch) << 32U | 0xFFFFFFFFU; }
std::uint64_t block_key(std::int64_t epoch, std::int64_t block) {
  return static_cast<std::uint64_t>(epoch) << 32U | static_cast<std::uint64_t>(block);
}

}  // namespace

DataOrder::DataOrder(const std::vector<std::int64_t>& samples_in_shard, const OrderSettings& settings)
    : settings_(settings) {
  for (const std::int64_t count : samples_in_shard) {
    for (std::int64_t first = 0; first < count; first += settings.slice_length) {
      slices_.push_back({samples_in_epoch_ + first, std::min(settings.slice_length, count - first)});
    }
    samples_in_epoch_ += count;
  }
  ensure(samples_in_epoch_ > 0, "a data order needs samples");
}

void DataOrder::enter_epoch(std::int64_t epoch) {
  epoch_ = epoch;
  block_ = -1;
  slice_order_.resize(slices_.size());
  std::iota(slice_order_.begin(), slice_order_.end(), 0);
  shuffle(slice_order_, settings_.seed, slice_key(epoch));
  block_begins_.assign(1, 0);
  for (std::size_t i = 0; i < slice_order_.size(); ++i) {
    if (i % static_cast<std::size_t>(settings_.slices_in_block) == 0 && i > 0) {
      block_begins_.push_back(block_begins_.back());
    }
    if (block_begins_.size() == 1) block_begins_.push_back(0);
    block_begins_.back() += slices_[slice_order_[i]].count;
  }
}

void DataOrder::enter_block(std::int64_t block) {
  block_ = block;
  samples_of_block_.clear();
  const auto first = static_cast<std::size_t>(block * settings_.slices_in_block);
  const auto last =
      std::min(first + static_cast<std::size_t>(settings_.slices_in_block), slice_order_.size());
  for (std::size_t i = first; i < last; ++i) {
    const Slice& slice = slices_[slice_order_[i]];
    for (std::int64_t sample = slice.first; sample < slice.first + slice.count; ++sample) {
      samples_of_block_.push_back(sample);
    }
  }
  shuffle(samples_of_block_, settings_.seed, block_key(epoch_, block));
}

std::int64_t DataOrder::sample_at(std::int64_t position) {
  const std::int64_t epoch = position / samples_in_epoch_, offset = position % samples_in_epoch_;
  if (epoch != epoch_) enter_epoch(epoch);
  const auto after = std::ranges::upper_bound(block_begins_, offset);
  const std::int64_t block = after - block_begins_.begin() - 1;
  if (block != block_) enter_block(block);
  return samples_of_block_[offset - block_begins_[block]];
}

}  // namespace dfm::data
