// The order in which the samples of a source are seen, be it one data set or a blend of several: position ->
// sample is a pure function (share/doc/order.md).
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "data/loader/blend_draws.h"
#include "data/loader/data_order.h"

namespace dfm::data {

// A part of a blend: some of the shards of a source, which follow each other.
struct BlendPart {
  std::size_t shards = 0;
  std::int64_t draws = 0;  // in an epoch of the blend
};

class SampleOrder {
 public:
  // blend: empty for one data set; else its parts have all the shards.
  SampleOrder(const std::vector<std::int64_t>& samples_in_shard, const std::vector<BlendPart>& blend,
              const OrderSettings& settings);

  std::int64_t samples_in_epoch() const { return samples_in_epoch_; }

  // The sample (numbered through all shards in order) at a position >= 0.
  std::int64_t sample_at(std::int64_t position);

 private:
  struct Part {
    std::int64_t first_sample = 0;
    std::optional<DataOrder> order;  // none for a part that is never drawn
  };

  std::vector<Part> parts_;
  std::optional<BlendDraws> draws_;
  std::int64_t samples_in_epoch_ = 0;
};

}  // namespace dfm::data
