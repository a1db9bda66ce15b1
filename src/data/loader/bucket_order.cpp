#include "data/loader/bucket_order.h"

#include <algorithm>
#include <map>
#include <utility>

namespace dfm::data {
namespace {

using Samples = std::vector<std::int64_t>;

struct Gathered {
  std::vector<Samples> batches;  // in the order in which they became full
  Samples rest;                  // bucket by bucket
};

std::int64_t round_up(std::int64_t value, std::int64_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

void append(const Samples& from, Samples& to) { to.insert(to.end(), from.begin(), from.end()); }

// Batches stand at whole steps. The `before` positions in front of the first one (its step began in the epoch
// before) take samples of the rest, as do the last ones.
Samples in_one_row(Gathered gathered, std::ptrdiff_t before) {
  for (; std::ssize(gathered.rest) < before && !gathered.batches.empty(); gathered.batches.pop_back())
    append(gathered.batches.back(), gathered.rest);
  const auto cut = gathered.rest.begin() + std::min(before, std::ssize(gathered.rest));
  Samples row(gathered.rest.begin(), cut);
  for (const Samples& batch : gathered.batches) append(batch, row);
  row.insert(row.end(), cut, gathered.rest.end());
  return row;
}

}  // namespace

void BucketOrder::enter_window(std::int64_t position) {
  const std::int64_t length = round_up(settings_.window, settings_.batch), epoch = samples_in_epoch();
  begin_ = std::max(position / length * length, position / epoch * epoch);
  const std::int64_t end = std::min((position / length + 1) * length, (position / epoch + 1) * epoch);
  Gathered gathered;
  std::map<std::int64_t, Samples> waiting;
  for (std::int64_t at = begin_; at < end; ++at) {
    const std::int64_t sample = order_.sample_at(at);
    Samples& bucket = waiting[bucket_of_(sample)];
    bucket.push_back(sample);
    if (std::ssize(bucket) == settings_.batch) gathered.batches.push_back(std::exchange(bucket, {}));
  }
  for (const auto& [bucket, samples] : waiting) append(samples, gathered.rest);
  const std::int64_t first_step = std::min(round_up(begin_, settings_.batch), end);
  samples_ = in_one_row(std::move(gathered), first_step - begin_);
}

std::int64_t BucketOrder::sample_at(std::int64_t position) {
  if (position < begin_ || position >= begin_ + std::ssize(samples_)) enter_window(position);
  return samples_[static_cast<std::size_t>(position - begin_)];
}

}  // namespace dfm::data
