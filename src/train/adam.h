// AdamW (Loshchilov & Hutter) on the segments that a rank owns, with float32 master weights and moments, and
// an optional moving average of the weights.
//
// With float32 parameters the master weights are the parameters themselves; with bfloat16 parameters, and
// where those of blocks come and go, they are a float32 copy of the owned segments, and every update rounds
// them into the parameters.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "ckpt/pieces.h"
#include "comm/rank_grid.h"
#include "config/config.h"
#include "nn/parameter.h"
#include "train/gradients.h"
#include "train/optimizer_kernels.h"
#include "train/shard_layout.h"

namespace dfm::train {

struct AdamSettings {
  double beta1 = 0.9;
  double beta2 = 0.95;
  double epsilon = 1e-5;
  double weight_decay = 0.033;
  double ema_decay = 0;  // 0: no moving average
};

AdamSettings adam_settings(const Config& config);

// out = the values of a parameter from element `begin` of what this rank holds of it.
using StartingValues =
    std::function<void(const nn::Parameter& parameter, std::int64_t begin, std::span<float> out)>;

class ShardedAdam {
 public:
  // Allocates the state; weights are undefined until initialize() or load_owned() and publish().
  ShardedAdam(const nn::ParameterList& parameters, const ShardLayout& layout, const comm::GridGroups& groups,
              const AdamSettings& settings);

  // Collective. Starting weights from seed and names, zero moments.
  void initialize(std::uint64_t seed);
  // The same from given values, for what this rank owns; a moving average begins with them. The parameters
  // follow with publish(). Throws an error of kind `stopped` when asked to stop meanwhile.
  void begin_owned(const StartingValues& values);
  // The owned state from a checkpoint of any layout. The parameters follow with publish(). Throws an error of
  // kind `stopped` when asked to stop meanwhile.
  void load_owned(ckpt::PieceReader& reader);
  // The same from a checkpoint that holds no moving average: where there is to be one, it begins with the
  // weights.
  void load_owned_without_average(ckpt::PieceReader& reader);
  // Collective. Owned weights, rounded where needed, to the parameters of every rank. Of several units the
  // first; the others are gathered when they are needed.
  void publish();
  // Owned weights of a unit, rounded where needed, to where they belong in its values.
  void write_owned(std::size_t unit, const at::Tensor& values) const;

  // Collective. One step with gradients times gradient_scale. `step` counts from 1.
  void update(const Gradients& gradients, std::int64_t step, double learning_rate, double gradient_scale);

  std::int64_t held_bytes() const;

  // What this rank has to save, so that every element is saved once; views of the state.
  std::vector<ckpt::Piece> pieces() const;

 private:
  // Their parts are those that this rank owns.
  at::Tensor weights(const Segment& segment) const;
  void read(ckpt::PieceReader& reader, const char* kind, const Segment& segment, const at::Tensor& target);
  void read_weights_and_moments(ckpt::PieceReader& reader, const Segment& segment);
  void begin_average();
  std::vector<AdamSegment> segments_with(const Gradients& gradients) const;
  void gather_first_unit();

  const nn::ParameterList& parameters_;
  const ShardLayout& layout_;
  const comm::GridGroups& groups_;
  AdamSettings settings_;
  at::Tensor master_;  // undefined where the parameters are the master weights
  at::Tensor first_moment_, second_moment_;
  at::Tensor average_;  // undefined without a moving average
};

}  // namespace dfm::train
