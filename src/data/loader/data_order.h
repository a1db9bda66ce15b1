// The order in which samples are seen, defined over positions: position -> sample is a pure function of the
// seed, so ranks only divide positions, and the state of a loader is one number.
//
// Each shard is cut into slices of consecutive samples. An epoch permutes the slices, takes them in blocks of
// a few slices, and permutes the samples inside each block: sequential reads, good mixing (design section 7).
#pragma once

#include <cstdint>
#include <vector>

namespace dfm::data {

struct OrderSettings {
  std::uint64_t seed = 1234;
  std::int64_t slice_length = 1024;  // samples
  std::int64_t slices_in_block = 4;
  std::int64_t round_length = std::int64_t{1} << 20U;  // draws of a blend that are shuffled together
};

class DataOrder {
 public:
  // samples_in_shard: one count a shard; their sum is the epoch and must not be zero.
  DataOrder(const std::vector<std::int64_t>& samples_in_shard, const OrderSettings& settings);

  std::int64_t samples_in_epoch() const { return samples_in_epoch_; }

  // The sample (numbered through all shards in order) at a position >= 0, counted over all epochs. Remembers
  // the last epoch and block, so that nearby positions are cheap.
  std::int64_t sample_at(std::int64_t position);

 private:
  struct Slice {
    std::int64_t first, count;
  };

  void enter_epoch(std::int64_t epoch);
  void enter_block(std::int64_t block);

  OrderSettings settings_;
  std::vector<Slice> slices_;
  std::int64_t samples_in_epoch_ = 0;

  std::int64_t epoch_ = -1;
  std::vector<std::int64_t> slice_order_;
  std::vector<std::int64_t> block_begins_;  // positions inside the epoch, with the end
  std::int64_t block_ = -1;
  std::vector<std::int64_t> samples_of_block_;
};

}  // namespace dfm::data
