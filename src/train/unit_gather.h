// FSDP: the parameters of a block are in memory on every rank only while the block computes. Each rank holds
// its share of the master weights; a few buffers, as large as the largest block, take the blocks in turn.
//
// The order in which blocks are used is known ahead, so that the next one is on its way while one computes,
// what is needed again soon stays, and a rank without a pack can take part: it makes the same collectives in
// an idle pass.
//
//   UnitGather gather(parameters, layout, groups, 2);
//   gather.fill = [&](std::size_t unit, const at::Tensor& values) { optimizer.write_owned(unit, values); };
//   gather.begin(stage_uses.of_training(packs));
//   gather.use({block, In::forward}); ...         // from the hooks of the blocks
//   gather.forget();                              // the weights have changed
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "comm/rank_grid.h"
#include "model/recompute_plan.h"
#include "nn/parameter.h"
#include "nn/tensor_transfer.h"
#include "train/shard_layout.h"

namespace dfm::train {

// Calls gather(placement, values, counts of the ranks) for every bucket of a unit.
using GatherParts =
    std::function<void(const nn::Placement&, const at::Tensor&, const std::vector<std::int64_t>&)>;
void for_each_part(const nn::ParameterList& parameters, const ShardLayout& layout, std::size_t unit,
                   const GatherParts& gather);

// The blocks that are brought in one after the other in these uses, with two buffers: what UnitGather does,
// for who plans it.
std::vector<std::size_t> gathers_in_two_buffers(const std::vector<model::BlockUse>& uses);

class UnitGather {
 public:
  // buffers: how many blocks are there at once, 2 or more.
  UnitGather(const nn::ParameterList& parameters, const ShardLayout& layout, const comm::GridGroups& groups,
             std::size_t buffers);

  // Writes this rank's ranges of a unit's values.
  std::function<void(std::size_t unit, const at::Tensor& values)> fill;

  // The uses that come next. All that were announced before must have been made.
  void begin(std::vector<model::BlockUse> uses);
  bool is_done() const { return next_ == uses_.size(); }
  // Collective. Returns when the block's parameters are there. Throws when it is not its turn.
  void use(const model::BlockUse& use);
  // What is gathered is out of date.
  void forget();

  std::size_t most_gathered() const { return most_gathered_; }
  std::int64_t held_bytes() const;

 private:
  struct Slot {
    at::Tensor memory;
    std::optional<std::size_t> block;
    std::vector<nn::TensorTransfer> transfers;

    void finish();
  };

  Slot* slot_of(std::size_t block);
  // The slot whose block is needed last, or none; never that of `kept`.
  Slot& slot_to_take(std::size_t kept);
  std::size_t next_use_of(std::size_t block) const;
  void bring(std::size_t block, Slot& slot);
  void leave(Slot& slot);
  void prefetch(std::size_t current);

  const nn::ParameterList& parameters_;
  const ShardLayout& layout_;
  const comm::GridGroups& groups_;
  std::vector<Slot> slots_;
  std::vector<model::BlockUse> uses_;
  std::size_t next_ = 0;
  std::size_t most_gathered_ = 0;
};

}  // namespace dfm::train
