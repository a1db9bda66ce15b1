#include "data/loader/blend_draws.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "core/error.h"
#include "core/philox.h"

namespace dfm::data {
namespace {

// One more for the largest remainders, until nothing is left over.
template <class Remainder>
void hand_out(std::vector<std::int64_t>& parts, const std::vector<Remainder>& remainders, std::int64_t left) {
  std::vector<std::size_t> order(parts.size());
  std::iota(order.begin(), order.end(), 0U);
  std::ranges::stable_sort(order,
                           [&](std::size_t a, std::size_t b) { return remainders[a] > remainders[b]; });
  for (std::int64_t i = 0; i < left; ++i) ++parts[order[static_cast<std::size_t>(i) % order.size()]];
}

}  // namespace

std::vector<std::int64_t> shares(std::span<const std::int64_t> amounts, std::int64_t whole) {
  const std::int64_t sum = std::accumulate(amounts.begin(), amounts.end(), std::int64_t{0});
  std::vector<std::int64_t> parts, remainders;
  for (const std::int64_t amount : amounts) {
    const auto product = static_cast<unsigned __int128>(amount) * static_cast<std::uint64_t>(whole);
    parts.push_back(static_cast<std::int64_t>(product / static_cast<std::uint64_t>(sum)));
    remainders.push_back(static_cast<std::int64_t>(product % static_cast<std::uint64_t>(sum)));
  }
  hand_out(parts, remainders, whole - std::accumulate(parts.begin(), parts.end(), std::int64_t{0}));
  return parts;
}

std::vector<std::int64_t> draws_of_weights(std::span<const double> weights) {
  const double sum = std::accumulate(weights.begin(), weights.end(), 0.0);
  std::vector<std::int64_t> draws;
  std::vector<double> remainders;
  for (const double weight : weights) {
    const double share = weight / sum * static_cast<double>(kRoundLength);
    draws.push_back(static_cast<std::int64_t>(share));
    remainders.push_back(share - std::floor(share));
  }
  hand_out(draws, remainders, kRoundLength - std::accumulate(draws.begin(), draws.end(), std::int64_t{0}));
  for (std::size_t i = 0; i < draws.size(); ++i) {
    if (weights[i] > 0) draws[i] = std::max<std::int64_t>(draws[i], 1);
  }
  return draws;
}

BlendDraws::BlendDraws(std::vector<std::int64_t> draws, std::uint64_t seed, std::int64_t round_length)
    : draws_(std::move(draws)), seed_(seed), round_length_(round_length) {
  ensure(draws_.size() <= std::size_t{std::numeric_limits<std::uint16_t>::max()} + 1, "too many parts");
  in_epoch_ = std::accumulate(draws_.begin(), draws_.end(), std::int64_t{0});
  ensure(in_epoch_ > 0, "a blend needs draws");
}

void BlendDraws::enter_epoch(std::int64_t epoch) {
  epoch_ = epoch;
  round_ = -1;
  before_.assign(draws_.size(), 0);
  in_round_.assign(draws_.size(), 0);
}

void BlendDraws::enter_next_round() {
  ++round_;
  std::vector<std::int64_t> left;
  for (std::size_t i = 0; i < draws_.size(); ++i) {
    before_[i] += in_round_[i];
    left.push_back(draws_[i] - before_[i]);
  }
  in_round_ = shares(left, std::min(round_length_, in_epoch_ - round_ * round_length_));
}

void BlendDraws::fill_round() {
  part_.clear();
  for (std::size_t i = 0; i < draws_.size(); ++i) {
    part_.insert(part_.end(), static_cast<std::size_t>(in_round_[i]), static_cast<std::uint16_t>(i));
  }
  const Philox random(seed_, Stream::blend,
                      static_cast<std::uint64_t>(epoch_) << 32U | static_cast<std::uint64_t>(round_));
  for (std::size_t i = part_.size(); i > 1; --i) std::swap(part_[i - 1], part_[random.below(i, i)]);
  nth_.resize(part_.size());
  std::vector<std::uint32_t> seen(draws_.size(), 0);
  for (std::size_t i = 0; i < part_.size(); ++i) nth_[i] = seen[part_[i]]++;
}

BlendDraws::Draw BlendDraws::at(std::int64_t position) {
  const std::int64_t epoch = position / in_epoch_, offset = position % in_epoch_;
  const std::int64_t round = offset / round_length_;
  if (epoch != epoch_ || round != round_) {
    if (epoch != epoch_ || round < round_) enter_epoch(epoch);
    while (round_ < round) enter_next_round();
    fill_round();
  }
  const auto place = static_cast<std::size_t>(offset - round * round_length_);
  const std::size_t part = part_[place];
  return {part, epoch * draws_[part] + before_[part] + nth_[place]};
}

}  // namespace dfm::data
