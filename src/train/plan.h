// What a run would need, before anything is spent on it: parameters, memory of a rank by kind, arithmetic of
// a token, and bytes that a step moves, for a layout that need not be running. Parameters are declared, not
// allocated; the memory of activations is found with two blocks and few tokens (train/activation_probe.h).
// Samples are taken to be all alike; memory is that of packs as full as a step's samples fill them. Of
// made-up data the bytes are what the groups of a run count; of others, which come in any length, about that.
//
//   const PlannedWork work(config);                    // what does not depend on the layout
//   const Plan plan = work.plan({128, {.tensor = 2}, comm::Sharding::parameters});
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "comm/grid_settings.h"
#include "config/config.h"
#include "model/backbone.h"
#include "train/activation_probe.h"
#include "train/block_traffic.h"
#include "train/pipeline_schedule.h"
#include "train/shard_layout.h"

namespace dfm::train {

struct PlannedLayout {
  int ranks = 1;
  comm::GridShape grid;
  comm::Sharding sharding = comm::Sharding::optimizer;

  // Whether gradients, or parameters too, come and go block by block.
  bool divides_blocks() const { return sharding >= comm::Sharding::gradients; }
  PipelineShape pipeline(std::int64_t packs) const {
    return {static_cast<std::size_t>(grid.pipeline), static_cast<std::size_t>(grid.pipeline_chunks),
            static_cast<std::size_t>(packs)};
  }
};

struct PlannedParts;
struct PlannedShard;

// Bytes of a rank.
struct PlannedMemory {
  double weights = 0;           // what the network reads, with the buffers that blocks are gathered in
  double gradients = 0;         // sums over ranks and packs
  double optimizer = 0;         // master weights, moments, moving average
  double activations = 0;       // kept for the backward pass, and what the worst moment takes beside them
  double fresh_gradients = 0;   // as the backward pass leaves them
  double buffers = 0;           // for communication
  double last_activations = 0;  // of `activations`, what the end of the backward pass takes

  // Activations go while fresh gradients come, and then these are sent: the worst moment counts.
  double peak() const;
};

// What one rank hands to the collectives of a group in a step.
struct PlannedTraffic {
  std::string group;  // "shard", "copies", "tp", "cp", "ep", "pp"
  std::string what;
  double bytes = 0;
  bool between_nodes = false;  // whether some of the groups that do this have ranks on several nodes
  bool is_estimate = false;    // else what the group counts
};

// Of the rank that needs most memory: of the fullest stage of a pipeline the last that shares a sample, and
// the last that shares experts, since uneven cuts give these most.
struct Plan {
  PlannedLayout layout;
  int rank = 0;
  int stage = 0;
  std::int64_t parameters = 0;        // of the whole model
  std::int64_t local_parameters = 0;  // of the part that this rank computes with
  std::int64_t tokens = 0;            // of the largest pack
  std::int64_t passes = 0;            // forward and backward, of a rank in a step
  double waiting_share = 0;           // of a step's time that pipeline stages wait for each other
  PlannedMemory memory;
  std::vector<PlannedTraffic> traffic;
};

class PlannedWork {
 public:
  explicit PlannedWork(const Config& config);

  Plan plan(const PlannedLayout& layout) const;

  const model::BackboneSpec& model() const { return model_; }
  // Of a token, forward and backward: the matrix products that are there, and the convention of the users'
  // table, six for each weight but those of cross-attention's keys and values (spec/nemo_diffusion.md
  // section 8).
  double true_flops() const;
  double reported_flops() const;
  std::int64_t parameters() const { return parameters_; }

 private:
  std::int64_t passes(const PlannedLayout& layout) const;
  double tokens_of_rank(const PlannedLayout& layout) const;
  std::int64_t samples_of_rank(const PlannedLayout& layout) const;
  // Samples of the largest pack that a step makes.
  std::int64_t most_in_pack(const PlannedLayout& layout) const;
  std::int64_t tokens_of_pack(const PlannedLayout& layout) const {
    return most_in_pack(layout) * sample_.tokens;
  }
  // Of one token between blocks.
  double row_bytes() const { return static_cast<double>(hidden_ * element_bytes_); }

  // In plan_memory.cpp.
  PlannedMemory memory(const PlannedParts& parts) const;
  void add_whole_network(const PlannedParts& parts, PlannedMemory& memory) const;
  void add_coming_blocks(const PlannedParts& parts, PlannedMemory& memory) const;
  void add_activations(const PlannedParts& parts, PlannedMemory& memory) const;
  // Bytes that a chunk of layers keeps for its backward pass: until it comes, in it, and at its end.
  struct KeptByChunk {
    double until = 0, within = 0, last = 0;
  };
  KeptByChunk kept_by(const nn::LayerChunk& chunk, const PlannedParts& parts) const;
  double kept_by_blocks(double blocks, const PlannedLayout& layout) const;
  static double most_kept(const std::vector<PipelineWork>& order, const std::vector<KeptByChunk>& chunks,
                          double left);

  // In plan_traffic.cpp.
  using Traffic = std::vector<PlannedTraffic>;
  Traffic traffic(const PlannedParts& parts) const;
  void add_shard_traffic(const PlannedParts& parts, const PlannedShard& shard, const std::string& of,
                         Traffic& traffic) const;
  void add_tensor_traffic(const PlannedParts& parts, const std::vector<PackOnRank>& packs,
                          Traffic& traffic) const;
  void add_context_traffic(const PlannedParts& parts, const std::vector<PackOnRank>& packs,
                           Traffic& traffic) const;
  void add_expert_traffic(const PlannedParts& parts, const std::vector<PackOnRank>& packs,
                          Traffic& traffic) const;
  void add_pipeline_traffic(const PlannedParts& parts, const std::vector<PackOnRank>& packs,
                            Traffic& traffic) const;
  std::vector<PackOnRank> packs(const PlannedLayout& layout) const;
  std::vector<model::BlockShape::SequenceCounts> attentions(const nn::PackLayout& layout) const;
  bool knows_packs(const PlannedLayout& layout) const;
  bool knows_visitors(const PlannedLayout& layout) const;
  // Whether groups of so many ranks have some on several nodes, each `apart` ranks from the one before.
  bool leaves_node(const PlannedLayout& layout, int ranks, int apart) const;

  model::BackboneSpec model_;
  std::int64_t hidden_, element_bytes_, global_batch_;
  std::int64_t parameters_ = 0;
  model::SampleSize sample_;
  std::int64_t sample_text_ = 0, samples_in_pack_ = 1;  // of full packs
  int ranks_per_node_;
  bool has_average_;
  bool deals_packs_;        // whole ones to the ranks, not samples
  bool has_equal_samples_;  // so that packs are known without looking at data
  ProbedActivations probed_;
};

}  // namespace dfm::train
