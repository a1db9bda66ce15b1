#include "train/stage_uses.h"

namespace dfm::train {
namespace {

void append(const StageUses::Uses& more, StageUses::Uses& uses) {
  uses.insert(uses.end(), more.begin(), more.end());
}

}  // namespace

StageUses::Uses StageUses::of(const PipelineWork& work) const {
  const Range blocks = depth_.chunk(layers_, static_cast<int>(work.chunk)).layers;
  return work.is_backward ? model::backward_uses(plan_, blocks) : model::forward_uses(blocks);
}

StageUses::Uses StageUses::of_training(std::size_t packs) const {
  Uses uses;
  const auto order = pipeline_schedule(pipeline_shape(depth_, packs), static_cast<std::size_t>(depth_.stage));
  for (const PipelineWork& work : order) append(of(work), uses);
  return uses;
}

StageUses::Uses StageUses::of_forward() const {
  Uses uses;
  for (int number = 0; number < depth_.chunks; ++number)
    append(of({.chunk = static_cast<std::size_t>(number)}), uses);
  return uses;
}

}  // namespace dfm::train
