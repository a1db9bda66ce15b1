#include "data/loader/sample_order.h"

#include <numeric>

#include "core/error.h"

namespace dfm::data {
namespace {

// Parts that are alike (one folder, named twice) are not shuffled alike.
OrderSettings settings_of_part(const OrderSettings& settings, std::size_t part) {
  OrderSettings own = settings;
  own.seed += static_cast<std::uint64_t>(part) << 32U;
  return own;
}

}  // namespace

SampleOrder::SampleOrder(const std::vector<std::int64_t>& samples_in_shard,
                         const std::vector<BlendPart>& blend, const OrderSettings& settings) {
  if (blend.empty()) {
    parts_.push_back({0, DataOrder(samples_in_shard, settings)});
    samples_in_epoch_ = parts_.front().order->samples_in_epoch();
    return;
  }
  std::vector<std::int64_t> draws;
  auto shard = samples_in_shard.begin();
  std::int64_t first_sample = 0;
  for (const BlendPart& part : blend) {
    const std::vector<std::int64_t> counts(shard, shard + static_cast<std::ptrdiff_t>(part.shards));
    shard += static_cast<std::ptrdiff_t>(part.shards);
    parts_.push_back({first_sample, std::nullopt});
    if (part.draws > 0) parts_.back().order.emplace(counts, settings_of_part(settings, parts_.size() - 1));
    first_sample += std::accumulate(counts.begin(), counts.end(), std::int64_t{0});
    draws.push_back(part.draws);
  }
  ensure(shard == samples_in_shard.end(), "the parts of a blend have all shards");
  draws_.emplace(std::move(draws), settings.seed, settings.round_length);
  samples_in_epoch_ = draws_->draws_in_epoch();
}

std::int64_t SampleOrder::sample_at(std::int64_t position) {
  if (!draws_) return parts_.front().order->sample_at(position);
  const BlendDraws::Draw draw = draws_->at(position);
  Part& part = parts_[draw.part];
  return part.first_sample + part.order->sample_at(draw.nth);
}

}  // namespace dfm::data
