#include "train/plan_parts.h"

#include <algorithm>
#include <numeric>

namespace dfm::train {
namespace {

nn::ModelParallel parallel_of(const PlannedLayout& layout, const nn::DepthCut& depth) {
  const comm::GridShape& grid = layout.grid;
  // The last has one more where they are cut unevenly.
  return {.depth = depth,
          .planned = {grid.context, grid.context - 1, grid.tensor, grid.tensor - 1},
          .planned_experts = {grid.expert, grid.expert - 1}};
}

// As comm/rank_grid.h divides so many ranks, of which every `apart`th is one of them.
PlannedShard shard_over(int among, int wanted_copies, int apart) {
  const int copies = std::gcd(among, wanted_copies);
  return {.copies = copies, .ranks = among / copies, .apart = apart};
}

int planned_rank(const PlannedLayout& layout, int stage) {
  const comm::RankGrid grid(layout.ranks, layout.grid);
  return grid.rank_of({.tensor = layout.grid.tensor - 1,
                       .context = layout.grid.context - 1,
                       .data = grid.data_ranks_of_experts() - 1,
                       .pipeline = stage});
}

}  // namespace

double PlannedShard::of_blocks() const { return std::accumulate(units.begin() + 1, units.end(), 0.0); }

PlannedParts::PlannedParts(const model::BackboneSpec& model, const PlannedLayout& planned, int stage)
    : layout(planned),
      depth{planned.grid.pipeline, stage, planned.grid.pipeline_chunks},
      rank(planned_rank(planned, stage)),
      parameters(parallel_of(planned, depth)),
      recompute(model.build(parameters).recompute),
      uses(recompute, depth, model.layers) {
  parameters.arrange(layout.divides_blocks() ? nn::Memory::by_block : nn::Memory::whole);
  const comm::RankGrid grid(layout.ranks, layout.grid);
  const int ranks = grid.data_size() * layout.grid.context, copies = grid.shape().shard_copies;
  const int near = grid.context_ranks_of_experts(), context = layout.grid.context;
  dense = shard_over(ranks, copies, layout.grid.tensor);
  experts = shard_over(ranks / layout.grid.expert, copies,
                       layout.grid.tensor * (near > 1 ? near : layout.grid.expert));
  for (PlannedShard* const shard : {&dense, &experts}) shard->units.resize(parameters.units().size());
  const int place = grid.data_ranks_of_experts() * context - 1;
  const ShardPlaces places{{place % dense.ranks, dense.ranks},
                           {(context / near - 1) % experts.ranks, experts.ranks}};
  const ShardLayout shards(parameters, places);
  for (const Bucket& bucket : shards.buckets()) add(bucket, places);
  count_layers(model.layers);
}

void PlannedParts::count_layers(std::int64_t all_layers) {
  const auto& groups = recompute.groups;
  const std::int64_t again = std::accumulate(groups.begin(), groups.end(), std::int64_t{0});
  for (int number = 0; number < depth.chunks; ++number) {
    const std::int64_t count = depth.chunk(all_layers, number).layers.count;
    layers += static_cast<double>(count);
    layers_again += static_cast<double>(std::min(count, again));
  }
}

void PlannedParts::add(const Bucket& bucket, const ShardPlaces& places) {
  const nn::Placement& placement = parameters.all()[bucket.first_parameter].placement;
  const auto unit =
      static_cast<std::size_t>(&parameters.unit_of(bucket.first_parameter) - parameters.units().data());
  const auto place = static_cast<std::size_t>(places.of(placement).rank);
  const auto count = static_cast<double>(bucket.count()), owned = static_cast<double>(bucket.counts[place]);
  PlannedShard& shard = placement.is_of_expert ? experts : dense;
  shard.units[unit] += count;
  shard.owned += owned;
  largest_bucket = std::max(largest_bucket, count);
  if (placement.partial_over_pipeline) owned_of_stages += owned;
  if (placement.partial_over_tensor) owned_of_tensor += owned;
}

double PlannedParts::all() const { return of_unit(0) + dense.of_blocks() + experts.of_blocks(); }

double PlannedParts::largest_block() const {
  double most = 0;
  for (std::size_t unit = 1; unit <= blocks(); ++unit) most = std::max(most, of_unit(unit));
  return most;
}

}  // namespace dfm::train
