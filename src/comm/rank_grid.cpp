#include "comm/rank_grid.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <numeric>

#include <fmt/core.h>

#include "core/error.h"

namespace dfm::comm {

namespace {

// The greatest number where the product overflows: no world is a multiple of that either.
std::int64_t ranks_of_replica(const GridShape& shape) {
  std::int64_t product = std::int64_t{shape.tensor} * shape.context;
  const bool overflows = __builtin_mul_overflow(product, std::int64_t{shape.pipeline}, &product);
  return overflows ? std::numeric_limits<std::int64_t>::max() : product;
}

}  // namespace

RankGrid::RankGrid(int world_size, GridShape shape) : world_size_(world_size), shape_(shape) {
  if (shape.tensor < 1 || shape.context < 1 || shape.pipeline < 1 || shape.expert < 1 ||
      shape.pipeline_chunks < 1) {
    throw usage_error("every parallel dimension must be at least 1");
  }
  const std::int64_t per_replica = ranks_of_replica(shape);
  if (world_size % per_replica != 0) {
    throw usage_error(
        fmt::format("{} ranks do not divide into replicas of tensor {} x context {} x pipeline {} = {} ranks",
                    world_size, shape.tensor, shape.context, shape.pipeline, per_replica),
        fmt::format("start a multiple of {} ranks, or lower one of the dimensions", per_replica));
  }
  if (shape.context_heads < 1 || shape.context % shape.context_heads != 0) {
    throw usage_error(fmt::format("groups of {} ranks that exchange heads do not divide context parallel {}",
                                  shape.context_heads, shape.context),
                      fmt::format("choose a divisor of {}", shape.context));
  }
  data_size_ = static_cast<int>(world_size / per_replica);
  set_data_ranks_of_experts();
  set_shard_copies();
}

bool RankGrid::fits_experts(int ranks) const {
  const bool divides_contexts = ranks % data_size_ == 0 && shape_.context % (ranks / data_size_) == 0;
  return data_size_ % ranks == 0 || divides_contexts;
}

void RankGrid::set_data_ranks_of_experts() {
  data_ranks_of_experts_ = std::min(shape_.expert, data_size_);
  if (fits_experts(shape_.expert)) return;
  throw usage_error(
      fmt::format("expert parallel {} does not divide data parallel {} = {} / {}", shape_.expert, data_size_,
                  world_size_, world_size_ / data_size_),
      fmt::format("choose a divisor of {}{}", data_size_,
                  shape_.context == 1 ? ""
                                      : fmt::format(", or {} times a divisor of context parallel {}",
                                                    data_size_, shape_.context)));
}

void RankGrid::set_shard_copies() {
  const int ranks = data_size_ * shape_.context;
  if (shape_.shard_copies == GridShape::kUndivided) shape_.shard_copies = ranks;
  if (ranks % shape_.shard_copies == 0) return;
  throw usage_error(
      fmt::format("{} copies of the optimizer state do not divide {} ranks = data {} x context {}",
                  shape_.shard_copies, ranks, data_size_, shape_.context),
      fmt::format("choose a divisor of {}, such as the number of nodes", ranks));
}

GridCoordinates RankGrid::coordinates(int rank) const {
  GridCoordinates at;
  at.tensor = rank % shape_.tensor;
  rank /= shape_.tensor;
  at.context = rank % shape_.context;
  rank /= shape_.context;
  at.data = rank % data_size_;
  at.pipeline = rank / data_size_;
  at.expert =
      at.data % data_ranks_of_experts_ * context_ranks_of_experts() + at.context % context_ranks_of_experts();
  return at;
}

int RankGrid::rank_of(const GridCoordinates& at) const {
  return at.tensor + shape_.tensor * (at.context + shape_.context * (at.data + data_size_ * at.pipeline));
}

std::string RankGrid::describe() const {
  const std::string chunks =
      shape_.pipeline_chunks == 1 ? "" : fmt::format(" of {} chunks", shape_.pipeline_chunks);
  const std::string over_context =
      context_ranks_of_experts() == 1 ? "" : fmt::format(" x {} context", context_ranks_of_experts());
  const std::string experts =
      shape_.expert == 1 ? "" : fmt::format(", experts over {} data{}", data_ranks_of_experts_, over_context);
  return fmt::format("{} ranks = {} tensor x {} context x {} data x {} pipeline{}{}", world_size_,
                     shape_.tensor, shape_.context, data_size_, shape_.pipeline, chunks, experts);
}

namespace {

// The ranks that differ from this one in the given coordinates only share a group: the colour is the rank
// with those coordinates set to zero.
template <class... Coordinate>
Group along(const Group& world, const RankGrid& grid, std::string role, Coordinate... varying) {
  GridCoordinates at = grid.coordinates(world.rank());
  ((at.*varying = 0), ...);
  return world.split(grid.rank_of(at), std::move(role));
}

// Consecutive data-parallel ranks form an expert group, and where these are too few, near context ranks of
// theirs.
Group expert_group(const Group& world, const RankGrid& grid) {
  GridCoordinates at = grid.coordinates(world.rank());
  at.data -= at.data % grid.data_ranks_of_experts();
  at.context -= at.context % grid.context_ranks_of_experts();
  return world.split(grid.rank_of(at), "ep");
}

// Near context ranks exchange heads: the colour is the first of them.
Group heads_group(const Group& world, const RankGrid& grid) {
  GridCoordinates at = grid.coordinates(world.rank());
  at.context -= at.context % grid.shape().context_heads;
  return world.split(grid.rank_of(at), "cp heads");
}

// Those at the same place of their groups form a ring: the colour is the one in the first group.
Group ring_group(const Group& world, const RankGrid& grid) {
  GridCoordinates at = grid.coordinates(world.rank());
  at.context %= grid.shape().context_heads;
  return world.split(grid.rank_of(at), "cp ring");
}

// Each expert group has all experts, so that those with the same coordinate have the same.
Group expert_data_group(const Group& world, const RankGrid& grid) {
  GridCoordinates at = grid.coordinates(world.rank());
  at.data %= grid.data_ranks_of_experts();
  at.context %= grid.context_ranks_of_experts();
  return world.split(grid.rank_of(at), "expert dp x cp");
}

// There may be fewer ranks than copies are asked for.
int ranks_of_shard(const Group& among, const RankGrid& grid) {
  return std::max(1, among.size() / std::gcd(among.size(), grid.shape().shard_copies));
}

Group shard_group(const Group& among, const RankGrid& grid) {
  return among.split(among.rank() / ranks_of_shard(among, grid), "shard");
}

Group copies_group(const Group& among, const RankGrid& grid) {
  return among.split(among.rank() % ranks_of_shard(among, grid), "copies");
}

std::optional<StageLinks> linked(const Group& stages) {
  if (stages.size() == 1) return std::nullopt;
  return link_stages(stages);
}

}  // namespace

GridGroups::GridGroups(const Group& world, const RankGrid& grid)
    : shape(grid.shape()),
      tensor(along(world, grid, "tp", &GridCoordinates::tensor)),
      context(along(world, grid, "cp", &GridCoordinates::context)),
      data(along(world, grid, "dp", &GridCoordinates::data)),
      pipeline(along(world, grid, "pp", &GridCoordinates::pipeline)),
      expert(expert_group(world, grid)),
      stage_links(linked(pipeline)),
      context_heads(heads_group(world, grid)),
      context_ring(ring_group(world, grid)),
      data_context(along(world, grid, "dp x cp", &GridCoordinates::data, &GridCoordinates::context)),
      shard(shard_group(data_context, grid)),
      shard_copies(copies_group(data_context, grid)),
      expert_data(expert_data_group(world, grid)),
      expert_shard(shard_group(expert_data, grid)),
      expert_copies(copies_group(expert_data, grid)),
      replica(along(world, grid, "tp x cp x pp", &GridCoordinates::tensor, &GridCoordinates::context,
                    &GridCoordinates::pipeline)),
      all(world.split(0, "all")) {}

}  // namespace dfm::comm
