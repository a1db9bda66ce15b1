#include "train/unit_gather.h"

#include <algorithm>
#include <limits>

#include "core/error.h"
#include "nn/tensor_collectives.h"
#include "nn/untouched_memory.h"
#include "train/replicas.h"

namespace dfm::train {
namespace {

std::byte* memory_of(const at::Tensor& tensor) { return static_cast<std::byte*>(tensor.mutable_data_ptr()); }

std::int64_t largest_block(const nn::ParameterList& parameters) {
  std::int64_t most = 0;
  for (std::size_t unit = 1; unit < parameters.units().size(); ++unit) {
    most = std::max(most, parameters.units()[unit].buffer.numel());
  }
  return most;
}

}  // namespace

void for_each_part(const nn::ParameterList& parameters, const ShardLayout& layout, std::size_t unit,
                   const GatherParts& gather) {
  const nn::ParameterUnit& which = parameters.units().at(unit);
  for (const Bucket& bucket : layout.buckets()) {
    if (bucket.first_parameter < which.first || bucket.first_parameter >= which.last) continue;
    const std::int64_t begin = bucket.buffer_begin - parameters.offset(which.first);
    gather(parameters.all()[bucket.first_parameter].placement, which.buffer.narrow(0, begin, bucket.count()),
           bucket.counts);
  }
}

std::vector<std::size_t> gathers_in_two_buffers(const std::vector<model::BlockUse>& uses) {
  std::vector<std::size_t> brought;
  constexpr auto kNone = std::numeric_limits<std::size_t>::max();
  std::size_t current = kNone, other = kNone;
  for (const model::BlockUse& use : uses) {
    if (use.block == current) continue;
    std::swap(current, other);
    if (current == use.block) continue;
    current = use.block;
    brought.push_back(use.block);
  }
  return brought;
}

UnitGather::UnitGather(const nn::ParameterList& parameters, const ShardLayout& layout,
                       const comm::GridGroups& groups, std::size_t buffers)
    : parameters_(parameters), layout_(layout), groups_(groups) {
  const auto dtype = parameters.buffer().scalar_type();
  const std::size_t blocks = parameters.units().size() - 1;
  slots_.resize(std::min(buffers, std::max<std::size_t>(blocks, 1)));
  for (Slot& slot : slots_)
    slot.memory = nn::untouched_zeros(largest_block(parameters), dtype, parameters.device());
}

void UnitGather::begin(std::vector<model::BlockUse> uses) {
  ensure(is_done(), "a pass begins while another one is not over");
  uses_ = std::move(uses);
  next_ = 0;
}

void UnitGather::use(const model::BlockUse& use) {
  ensure(!is_done() && uses_[next_] == use, "a block is used when it is not its turn");
  ++next_;
  Slot* slot = slot_of(use.block);
  if (slot == nullptr) bring(use.block, *(slot = &slot_to_take(use.block)));
  slot->finish();
  prefetch(use.block);
}

void UnitGather::Slot::finish() {
  for (nn::TensorTransfer& transfer : transfers) transfer.wait();
  transfers.clear();
}

// The next other block comes into another slot.
void UnitGather::prefetch(std::size_t current) {
  const auto next = std::find_if(uses_.begin() + static_cast<std::ptrdiff_t>(next_), uses_.end(),
                                 [current](const model::BlockUse& use) { return use.block != current; });
  if (next == uses_.end() || slots_.size() < 2 || slot_of(next->block) != nullptr) return;
  bring(next->block, slot_to_take(current));
}

void UnitGather::bring(std::size_t block, Slot& slot) {
  const std::size_t unit = parameters_.unit_of_block(block);
  slot.finish();
  leave(slot);
  slot.block = block;
  parameters_.attach(unit, memory_of(slot.memory));
  fill(unit, parameters_.units()[unit].buffer);
  for_each_part(
      parameters_, layout_, unit,
      [&](const nn::Placement& placement, const at::Tensor& all, const std::vector<std::int64_t>& counts) {
        slot.transfers.push_back(nn::raw::start_all_gather_parts(all, counts, shard_of(placement, groups_)));
      });
  const auto gathered =
      std::ranges::count_if(slots_, [](const Slot& each) { return each.block.has_value(); });
  most_gathered_ = std::max(most_gathered_, static_cast<std::size_t>(gathered));
}

UnitGather::Slot* UnitGather::slot_of(std::size_t block) {
  const auto found = std::ranges::find(slots_, std::optional(block), &Slot::block);
  return found == slots_.end() ? nullptr : &*found;
}

std::size_t UnitGather::next_use_of(std::size_t block) const {
  const auto from = uses_.begin() + static_cast<std::ptrdiff_t>(next_);
  return static_cast<std::size_t>(std::ranges::find(from, uses_.end(), block, &model::BlockUse::block) -
                                  from);
}

UnitGather::Slot& UnitGather::slot_to_take(std::size_t kept) {
  const auto worth = [&](const Slot& slot) {
    if (!slot.block) return std::size_t{2} + uses_.size();
    return *slot.block == kept ? 0 : 1 + next_use_of(*slot.block);
  };
  return *std::ranges::max_element(slots_, {}, worth);
}

void UnitGather::forget() {
  ensure(is_done(), "the weights change while a pass is not over");
  for (Slot& slot : slots_) {
    slot.finish();
    leave(slot);
  }
}

void UnitGather::leave(Slot& slot) {
  if (slot.block) parameters_.attach(parameters_.unit_of_block(*slot.block), nullptr);
  slot.block.reset();
}

std::int64_t UnitGather::held_bytes() const {
  std::int64_t bytes = 0;
  for (const Slot& slot : slots_) bytes += static_cast<std::int64_t>(slot.memory.nbytes());
  return bytes;
}

}  // namespace dfm::train
