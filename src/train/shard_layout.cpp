#include "train/shard_layout.h"

#include <algorithm>
#include <numeric>

namespace dfm::train {

std::int64_t Bucket::count() const { return std::accumulate(counts.begin(), counts.end(), std::int64_t{0}); }

ShardLayout::ShardLayout(const nn::ParameterList& parameters, const ShardPlaces& places,
                         std::int64_t bucket_elements) {
  const std::size_t total = parameters.all().size();
  for (std::size_t first = 0; first < total;) {
    std::size_t last = first + 1;
    const auto joins = [&](std::size_t next) {
      return &parameters.unit_of(next) == &parameters.unit_of(first) &&
             parameters.offset(next + 1) - parameters.offset(first) <= bucket_elements &&
             parameters.all()[next].placement.is_reduced_as(parameters.all()[first].placement);
    };
    while (last < total && joins(last)) ++last;
    add_bucket(parameters, first, last, places.of(parameters.all()[first].placement));
    first = last;
  }
}

void ShardLayout::add_bucket(const nn::ParameterList& parameters, std::size_t first, std::size_t last,
                             const ShardPlace& place) {
  const auto [rank, ranks] = place;
  const std::int64_t begin = parameters.offset(first), size = parameters.offset(last) - begin;
  const std::int64_t share = (size + ranks - 1) / ranks;
  Bucket bucket{begin, {}, owned_count_, first, last};
  for (int r = 0; r < ranks; ++r) {
    bucket.counts.push_back(std::min((r + 1) * share, size) - std::min(r * share, size));
  }
  const std::int64_t owned_begin = begin + std::min(rank * share, size);
  add_segments(parameters, bucket, owned_begin, owned_begin + bucket.counts[rank]);
  owned_count_ += bucket.counts[rank];
  buckets_.push_back(std::move(bucket));
}

void ShardLayout::add_segments(const nn::ParameterList& parameters, const Bucket& bucket,
                               std::int64_t owned_begin, std::int64_t owned_end) {
  for (std::size_t i = bucket.first_parameter; i < bucket.last_parameter; ++i) {
    const std::int64_t parameter_begin = parameters.offset(i);
    const std::int64_t from = std::max(parameter_begin, owned_begin);
    const std::int64_t to = std::min(parameter_begin + parameters.all()[i].count(), owned_end);
    if (from >= to) continue;
    segments_.push_back(
        {i, from - parameter_begin, to - from, from, bucket.owned_offset + from - owned_begin});
  }
}

}  // namespace dfm::train
