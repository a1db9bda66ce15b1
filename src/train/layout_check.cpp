#include "train/layout_check.h"

#include <algorithm>

#include <fmt/core.h>

#include "core/error.h"

namespace dfm::train {
namespace {

// The greatest number of tensor ranks that has units for all and divides what the other dimensions leave.
int nearest_tensor_ranks(const comm::RankGrid& grid, std::int64_t units) {
  const int ranks = grid.world_size() / (grid.shape().context * grid.shape().pipeline);
  for (int tensor = grid.shape().tensor; tensor > 1; --tensor) {
    if (tensor <= units && ranks % tensor == 0) return tensor;
  }
  return 1;
}

// The greatest number of pipeline ranks that has layers for all chunks and divides what the other dimensions
// leave.
int nearest_stages(const comm::RankGrid& grid, std::int64_t layers) {
  const int ranks = grid.world_size() / (grid.shape().context * grid.shape().tensor);
  for (int stages = grid.shape().pipeline; stages > 1; --stages) {
    if (std::int64_t{stages} * grid.shape().pipeline_chunks <= layers && ranks % stages == 0) return stages;
  }
  return 1;
}

void require_layers_for_stages(const model::BackboneSpec& model, const comm::RankGrid& grid) {
  const int stages = grid.shape().pipeline, chunks = grid.shape().pipeline_chunks;
  const std::int64_t parts = std::int64_t{stages} * chunks;
  if (stages == 1 || parts <= model.layers) return;
  const int nearest = nearest_stages(grid, model.layers);
  throw usage_error(
      fmt::format("{} layers (model.num_layers) do not divide over {} pipeline ranks x {} chunks "
                  "(model.virtual_pipeline_model_parallel_size) = {}: {} of them would have none",
                  model.layers, stages, chunks, parts, parts - model.layers),
      stages <= model.layers
          ? fmt::format("give model.virtual_pipeline_model_parallel_size={} at most", model.layers / stages)
          : fmt::format("the nearest that works on {} ranks is model.pipeline_model_parallel_size={}",
                        grid.world_size(), nearest));
}

// An exchange of heads gives every context rank some of those that each tensor rank has.
void require_heads_to_exchange(const model::TensorUnits& units, const comm::GridShape& grid) {
  const std::int64_t fewest = units.count / grid.tensor;
  if (!units.travel_between_context_ranks || grid.context_heads <= fewest) return;
  throw usage_error(
      fmt::format("{} {} ({}) over {} tensor parallel ranks leave {} to some, too few to exchange among {} "
                  "context parallel ranks",
                  units.count, units.what, units.key, grid.tensor, fewest, grid.context_heads),
      fmt::format("give model.cp_comm_type=p2p, which needs none, or exchange among {} ranks at most "
                  "(model.cp_comm_type=a2a+p2p, model.hierarchical_context_parallel_sizes)",
                  fewest));
}

int nearest_expert_ranks(const comm::RankGrid& grid, std::int64_t experts) {
  for (int ranks = grid.shape().expert; ranks > 1; --ranks) {
    if (ranks <= experts && grid.fits_experts(ranks)) return ranks;
  }
  return 1;
}

void require_fitting_experts(const model::BackboneSpec& model, const comm::RankGrid& grid) {
  const int ranks = grid.shape().expert;
  if (ranks <= std::max<std::int64_t>(model.experts.count, 1)) return;
  if (model.experts.count == 0) {
    throw usage_error(fmt::format("{}: it has no experts to divide over {} ranks", model.title, ranks),
                      "leave model.expert_model_parallel_size at 1, or give model.num_moe_experts");
  }
  throw usage_error(
      fmt::format(
          "{} experts (model.num_moe_experts) do not divide over {} expert parallel ranks: {} of them "
          "would have none",
          model.experts.count, ranks, ranks - model.experts.count),
      fmt::format("the nearest that works with {} data parallel ranks is model.expert_model_parallel_size={}",
                  grid.data_size(), nearest_expert_ranks(grid, model.experts.count)));
}

}  // namespace

void require_fitting_layout(const model::BackboneSpec& model, const comm::RankGrid& grid) {
  require_layers_for_stages(model, grid);
  require_fitting_experts(model, grid);
  const int tensor = grid.shape().tensor;
  if (model.tensor_units.empty() && (tensor > 1 || grid.shape().context > 1)) {
    throw usage_error(fmt::format("{}: its samples are not shared between ranks (tensor {} x context {})",
                                  model.title, tensor, grid.shape().context),
                      "leave model.tensor_model_parallel_size and model.context_parallel_size at 1");
  }
  for (const model::TensorUnits& units : model.tensor_units) {
    if (tensor <= units.count) {
      require_heads_to_exchange(units, grid.shape());
      continue;
    }
    throw usage_error(
        fmt::format("{} {} ({}) do not divide over {} tensor parallel ranks: {} of them would have none",
                    units.count, units.what, units.key, tensor, tensor - units.count),
        fmt::format("the nearest that works on {} ranks is model.tensor_model_parallel_size={}",
                    grid.world_size(), nearest_tensor_ranks(grid, units.count)));
  }
}

}  // namespace dfm::train
