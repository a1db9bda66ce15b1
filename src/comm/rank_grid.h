// Where a rank stands in the grid of parallel dimensions: tensor parallel varies fastest, then context, then
// data, pipeline slowest; expert parallel is carved out of data parallel, and where it is larger than that
// out of near context ranks, too (design section 3, spec/nemo_diffusion.md section 1.11).
//
// RankGrid is arithmetic only. GridGroups are the communicators that belong to it.
#pragma once

#include <optional>
#include <string>

#include "comm/group.h"
#include "comm/stage_links.h"

namespace dfm::comm {

struct GridShape {
  int tensor = 1;
  int context = 1;
  int pipeline = 1;
  int expert = 1;
  int pipeline_chunks = 1;  // of consecutive layers on each pipeline rank
  int context_heads = 1;    // near context ranks that exchange heads; the groups of them form a ring
  // What the data x context ranks divide between them (optimizer state, with FSDP parameters) is there so
  // many times; kUndivided: every rank has all of it.
  int shard_copies = 1;
  static constexpr int kUndivided = 0;
};

struct GridCoordinates {
  int tensor = 0;
  int context = 0;
  int data = 0;
  int pipeline = 0;
  int expert = 0;
};

class RankGrid {
 public:
  // Throws a usage error with the arithmetic when the dimensions do not fill the world.
  RankGrid(int world_size, GridShape shape);

  int world_size() const { return world_size_; }
  const GridShape& shape() const { return shape_; }
  int data_size() const { return data_size_; }
  // Whether so many ranks may share the experts.
  bool fits_experts(int ranks) const;
  // Of a group that shares the experts: its data ranks, and its near context ranks.
  int data_ranks_of_experts() const { return data_ranks_of_experts_; }
  int context_ranks_of_experts() const { return shape_.expert / data_ranks_of_experts_; }

  GridCoordinates coordinates(int rank) const;
  int rank_of(const GridCoordinates& coordinates) const;

  // "4 ranks = 2 tensor x 1 context x 2 data x 1 pipeline".
  std::string describe() const;

 private:
  void set_data_ranks_of_experts();
  void set_shard_copies();

  int world_size_;
  GridShape shape_;
  int data_size_ = 1;
  int data_ranks_of_experts_ = 1;
};

// The groups of this rank. Building them is collective over the world.
struct GridGroups {
  GridGroups(const Group& world, const RankGrid& grid);

  GridShape shape;
  Group tensor, context, data, pipeline, expert;
  std::optional<StageLinks> stage_links;  // of the pipeline, where it has several stages
  Group context_heads;                    // of the context ranks, those that exchange heads
  Group context_ring;                     // and those that keys and values go round
  Group data_context;                     // the ranks among which a gradient is always partial
  Group shard;                            // neighbours in it that divide parameters and optimizer state
  Group shard_copies;                     // those of it that have the same share
  Group expert_data;                      // the ranks of data_context that have the same experts
  Group expert_shard, expert_copies;      // and of these the same as above
  Group replica;                          // those that compute the same samples: tensor x context x pipeline
  Group all;
};

}  // namespace dfm::comm
