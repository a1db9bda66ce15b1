// Aspect-ratio buckets: the data order rearranged so that steps take samples of one bucket (of the same
// frames, height and width) as far as there are enough of them. A function of positions alone, like the order
// under it: the epoch is cut into windows, and in each window the samples of a bucket are gathered into
// batches, first come, first served. What is left over at the end of a window fills its remaining steps,
// bucket by bucket. Every sample keeps its epoch.
//
//   BucketOrder order(SampleOrder(counts, blend, settings), {.window = 1024, .batch = 32}, bucket_of_sample);
//   order.sample_at(position);
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "data/loader/sample_order.h"

namespace dfm::data {

struct BucketSettings {
  std::int64_t window = 1024;  // positions; batches do not cross its end
  std::int64_t batch = 1;      // positions of a step, which begin at multiples of it
};

class BucketOrder {
 public:
  using BucketOf = std::function<std::int64_t(std::int64_t sample)>;

  BucketOrder(SampleOrder order, BucketSettings settings, BucketOf bucket_of)
      : order_(std::move(order)), settings_(settings), bucket_of_(std::move(bucket_of)) {}

  std::int64_t samples_in_epoch() const { return order_.samples_in_epoch(); }
  std::int64_t sample_at(std::int64_t position);

 private:
  void enter_window(std::int64_t position);

  SampleOrder order_;
  BucketSettings settings_;
  BucketOf bucket_of_;
  std::int64_t begin_ = 0;             // of the window that was entered last
  std::vector<std::int64_t> samples_;  // at its positions
};

}  // namespace dfm::data
