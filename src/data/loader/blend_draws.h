// From which data set of a blend a position takes its sample: a pure function of the position, so that the
// state of a blend is the position, too.
//
// An epoch of the blend draws a fixed number of samples of each part. It is cut into rounds; a round takes of
// each part its share of what is left to draw, and shuffles whose turn it is (share/doc/order.md).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace dfm::data {

// Positions in a round: 16 bits of a part and 32 of a count for each are kept.
inline constexpr std::int64_t kRoundLength = std::int64_t{1} << 20U;

class BlendDraws {
 public:
  // draws: of each part in an epoch; at least one is not 0. At most 65,536 parts.
  BlendDraws(std::vector<std::int64_t> draws, std::uint64_t seed, std::int64_t round_length = kRoundLength);

  struct Draw {
    std::size_t part = 0;
    std::int64_t nth = 0;  // of the draws of that part, over all epochs
  };

  // Remembers the last round, so that nearby positions are cheap.
  Draw at(std::int64_t position);

  std::int64_t draws_in_epoch() const { return in_epoch_; }

 private:
  void enter_epoch(std::int64_t epoch);
  void enter_next_round();
  void fill_round();

  std::vector<std::int64_t> draws_;
  std::uint64_t seed_;
  std::int64_t round_length_;
  std::int64_t in_epoch_ = 0;

  std::int64_t epoch_ = -1, round_ = -1;
  std::vector<std::int64_t> before_, in_round_;  // draws of each part before this round, and in it
  std::vector<std::uint16_t> part_;              // of each position of the round
  std::vector<std::uint32_t> nth_;               // how often that part came before in the round
};

// Shares of a whole: floor(amount_i * whole / sum), and what is left over to the largest remainders, the
// first of equal ones first.
std::vector<std::int64_t> shares(std::span<const std::int64_t> amounts, std::int64_t whole);

// The draws of parts that are blended by weights: shares of kRoundLength, at least one for a weight above 0.
std::vector<std::int64_t> draws_of_weights(std::span<const double> weights);

}  // namespace dfm::data
