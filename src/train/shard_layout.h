// How the optimizer state is divided over the data-parallel ranks (ZeRO-1): the parameters' buffer is cut
// into buckets of whole parameters, and each rank owns an equal range of each bucket. The parameters of a
// bucket are of one unit and reduced over the same ranks, so that those who hold replicas of them own the
// same ranges. Experts are divided over the ranks that have the same ones.
#pragma once

#include <cstdint>
#include <vector>

#include "nn/parameter.h"

namespace dfm::train {

// The part of a parameter that this rank owns.
struct Segment {
  std::size_t parameter;  // index in the list
  std::int64_t begin;     // first element in the flattened parameter
  std::int64_t count;
  std::int64_t buffer_offset;  // in the parameters' buffer
  std::int64_t owned_offset;   // in this rank's own storage
};

struct Bucket {
  std::int64_t buffer_begin;
  std::vector<std::int64_t> counts;             // elements of each rank, in rank order
  std::int64_t owned_offset;                    // of this rank's range, in its own storage
  std::size_t first_parameter, last_parameter;  // [first, last)

  std::int64_t count() const;
};

// A rank among those that divide something.
struct ShardPlace {
  int rank = 0, ranks = 1;
};

struct ShardPlaces {
  ShardPlace dense, experts;

  const ShardPlace& of(const nn::Placement& placement) const {
    return placement.is_of_expert ? experts : dense;
  }
};

class ShardLayout {
 public:
  static constexpr std::int64_t kBucketElements = std::int64_t{1} << 24U;

  ShardLayout(const nn::ParameterList& parameters, const ShardPlaces& places,
              std::int64_t bucket_elements = kBucketElements);
  // Without expert ranks.
  ShardLayout(const nn::ParameterList& parameters, int rank, int ranks,
              std::int64_t bucket_elements = kBucketElements)
      : ShardLayout(parameters, {{rank, ranks}, {rank, ranks}}, bucket_elements) {}

  const std::vector<Bucket>& buckets() const { return buckets_; }
  const std::vector<Segment>& segments() const { return segments_; }
  std::int64_t owned_count() const { return owned_count_; }

 private:
  void add_bucket(const nn::ParameterList& parameters, std::size_t first, std::size_t last,
                  const ShardPlace& place);
  void add_segments(const nn::ParameterList& parameters, const Bucket& bucket, std::int64_t owned_begin,
                    std::int64_t owned_end);

  std::vector<Bucket> buckets_;
  std::vector<Segment> segments_;
  std::int64_t owned_count_ = 0;
};

}  // namespace dfm::train
