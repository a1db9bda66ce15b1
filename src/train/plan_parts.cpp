#include "train/plan_parts.h"

#include <algorithm>
#include <numeric>

namespace dfm::train {
namespace {

nn::ModelParallel parallel_of(const PlannedLayout& layout, const nn::DepthCut& depth) {
  const comm::GridShape& grid = layout.grid;
  // The last has one more expert where they are cut unevenly.
  return {.depth = depth,
          .planned = {grid.context, 0, grid.tensor, 0},
          .planned_experts = {grid.expert, grid.expert - 1}};
}

// As comm/rank_grid.h divides so many ranks, of which every `apart`th is one of them.
PlannedShard shard_over(int among, int wanted_copies, int apart) {
  const int copies = std::gcd(among, wanted_copies), ranks = among / copies;
  return {.copies = copies, .ranks = ranks, .span = apart * ranks};
}

}  // namespace

double PlannedShard::of_blocks() const { return std::accumulate(units.begin() + 1, units.end(), 0.0); }

PlannedParts::PlannedParts(const model::BackboneSpec& model, const PlannedLayout& planned, int stage)
    : layout(planned),
      depth{planned.grid.pipeline, stage, planned.grid.pipeline_chunks},
      parameters(parallel_of(planned, depth)),
      recompute(model.build(parameters).recompute) {
  parameters.arrange(layout.divides_blocks() ? nn::Memory::by_block : nn::Memory::whole);
  const comm::RankGrid grid(layout.ranks, layout.grid);
  const int ranks = grid.data_size() * layout.grid.context, copies = grid.shape().shard_copies;
  dense = shard_over(ranks, copies, layout.grid.tensor);
  experts = shard_over(ranks / layout.grid.expert, copies, layout.grid.tensor * layout.grid.expert);
  for (PlannedShard* const shard : {&dense, &experts}) shard->units.resize(parameters.units().size());
  const ShardLayout shards(parameters, {{0, dense.ranks}, {0, experts.ranks}});
  for (const Bucket& bucket : shards.buckets()) add(bucket);
}

void PlannedParts::add(const Bucket& bucket) {
  const nn::Placement& placement = parameters.all()[bucket.first_parameter].placement;
  const auto unit =
      static_cast<std::size_t>(&parameters.unit_of(bucket.first_parameter) - parameters.units().data());
  const auto count = static_cast<double>(bucket.count()), owned = static_cast<double>(bucket.counts.front());
  PlannedShard& shard = placement.is_of_expert ? experts : dense;
  shard.units[unit] += count;
  shard.owned += owned;
  largest_bucket = std::max(largest_bucket, count);
  if (placement.partial_over_pipeline) owned_replicas += owned;
}

double PlannedParts::all() const { return of_unit(0) + dense.of_blocks() + experts.of_blocks(); }

double PlannedParts::largest_block() const {
  double most = 0;
  for (std::size_t unit = 1; unit <= blocks(); ++unit) most = std::max(most, of_unit(unit));
  return most;
}

}  // namespace dfm::train
