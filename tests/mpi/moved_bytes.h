// What the groups of a layout move in its first step, beside the least that this can be: counts that follow
// from the shapes of the network and of the packs.
//
//   MovedBytes moved(row, groups);
//   moved.expect_between_tensor_ranks();
#pragma once

#include <array>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "mpi/context_bytes.h"
#include "mpi/expert_bytes.h"
#include "train/replicas.h"

namespace dfm::train {

// Of the ranks that divide one kind of parameter: the elements of these, as they lie in the buffer, from a
// unit of parameters on.
inline constexpr std::size_t kAll = 0, kInBlocks = 1;
inline std::int64_t elements_of(const nn::ParameterList& parameters, bool are_of_experts,
                                std::size_t first_unit = kAll) {
  const std::size_t first = first_unit == kAll ? 0 : parameters.units().at(first_unit).first;
  std::int64_t elements = 0;
  for (std::size_t i = first; i < parameters.all().size(); ++i) {
    if (parameters.all()[i].placement.is_of_expert == are_of_experts)
      elements += parameters.offset(i + 1) - parameters.offset(i);
  }
  return elements;
}

// Gradients that this rank owns of parameters that are partial over such ranks.
inline std::int64_t owned_replicas(const nn::ParameterList& parameters, const comm::GridGroups& groups,
                                   bool nn::Placement::*partial) {
  const ShardLayout layout(parameters, shard_places(groups));
  std::int64_t owned = 0;
  for (const Bucket& bucket : layout.buckets()) {
    if (parameters.all()[bucket.first_parameter].placement.*partial)
      owned += bucket.counts[static_cast<std::size_t>(groups.data_context.rank())];
  }
  return owned;
}

// The layers of this rank, and how many of its chunks send their tokens on and gradients back.
struct Depth {
  Depth(const nn::DepthCut& cut, std::int64_t all_layers) {
    for (int i = 0; i < cut.chunks; ++i) {
      const nn::LayerChunk chunk = cut.chunk(all_layers, i);
      layers += chunk.layers.count;
      sending += chunk.is_last ? 0 : 1;
      sending_back += chunk.is_first ? 0 : 1;
    }
  }
  std::int64_t layers = 0, sending = 0, sending_back = 0;
};

// How often a stage brings a block in: whenever it is none of the two that were used last.
inline std::int64_t gathers_of_blocks(const nn::DepthCut& cut, std::int64_t layers, std::int64_t passes) {
  std::int64_t last = -1, before = -1, gathers = 0;
  const auto use = [&](std::int64_t block) {
    if (block == last) return;
    gathers += block == before ? 0 : 1;
    before = std::exchange(last, block);
  };
  const PipelineShape shape = pipeline_shape(cut, static_cast<std::size_t>(passes));
  for (const PipelineWork& work : pipeline_schedule(shape, static_cast<std::size_t>(cut.stage))) {
    const Range range = cut.chunk(layers, static_cast<int>(work.chunk)).layers;
    for (std::int64_t i = 0; i < range.count; ++i)
      use(work.is_backward ? range.end() - 1 - i : range.begin + i);
  }
  return gathers;
}

// The first step of a layout, and what its groups were asked to move in it.
class MovedBytes {
 public:
  // Collective.
  MovedBytes(const LayoutRow& row, const comm::GridGroups& groups)
      : row_(row), groups_(groups), trainer_(trainer_of(row, groups)), scores_(row) {
    before_ = traffic();
    trainer_->step();
    after_ = traffic();
  }

  // Each attention and the MLP of each block gather the tokens once and scatter their sum once, and the other
  // way round backwards; the experts' scores of all tokens are gathered, and summed backwards. Experts that
  // are divided take rows of their own instead. WAN's norms sum one number a row, forward and backward;
  // replicas sum the gradients that they own.
  void expect_between_tensor_ranks() const {
    const std::int64_t blocks = groups_.tensor.size() > 1 ? depth_.layers : 0;
    const bool shares_experts = blocks > 0 && row_.grid.expert > 1;
    const std::int64_t branches = awkward_branches(row_.family) - (shares_experts ? 1 : 0);
    const std::int64_t once = blocks * branches * rows_.tokens * awkward_hidden(row_.family);
    const std::int64_t scores = shares_experts ? 0 : blocks * rows_.tokens * awkward_experts(row_.family);
    std::array<std::int64_t, 4> sums{moved_number(groups_.tensor, &Traffic::all_gather_bytes),
                                     moved_number(groups_.tensor, &Traffic::reduce_scatter_bytes),
                                     4 * (2 * once + scores), 4 * (2 * once + scores)};
    if (shares_experts) {
      const TensorExpertBytes of_experts(row_, blocks, rows_.tokens, groups_);
      sums[2] += of_experts.gathered;
      sums[3] += of_experts.scattered;
    }
    groups_.context.all_reduce_sum(std::span<std::int64_t>(sums));
    EXPECT_EQ(sums[0], sums[2]);
    EXPECT_EQ(sums[1], sums[3]);
    const bool norms_all_heads = row_.family == std::string("Wan");
    const std::int64_t of_norms = norms_all_heads ? 2 * blocks * (3 * rows_.tokens + rows_.texts) : 0;
    const std::int64_t of_replicas =
        groups_.tensor.size() > 1 ? replicas(&nn::Placement::partial_over_tensor) : 0;
    expect(groups_.tensor, &Traffic::all_reduce_bytes, floats(of_norms + of_replicas));
  }

  // The scores of all tokens; what attention must move, over all ranks.
  void expect_between_context_ranks() const {
    const std::int64_t scores = depth_.layers * rows_.whole_tokens * awkward_experts(row_.family);
    expect(groups_.context, &Traffic::all_gather_bytes, groups_.context.size() > 1 ? floats(scores) : 0);
    ContextBytes expected;
    expected.add(context_minimum(row_, groups_, packs_of_first_step(groups_)), depth_.layers);
    expect_sum(groups_.context, &Traffic::all_to_all_bytes, expected.straight);
    expect_sum(groups_.context_ring, &Traffic::sent_bytes, expected.ring);
    expect_sum(groups_.context_heads, &Traffic::all_to_all_bytes, expected.heads);
  }

  // Every gradient and every weight once. FSDP: a gradient a pass; a block's weights whenever it is needed
  // and not there any more.
  void expect_between_data_ranks() const {
    expect_of_share(groups_.shard, trainer_->parameters(), false);
    expect_of_share(groups_.expert_shard, trainer_->parameters(), true);
  }

  void expect_between_expert_ranks() const {
    const auto bytes = row_.grid.expert > 1
                           ? bytes_between_experts(row_, groups_, trainer_->parameters().parallel(), scores_)
                           : 0;
    expect_sum(groups_.expert, &Traffic::all_to_all_bytes, static_cast<std::int64_t>(bytes));
  }

  // This rank's tokens after each of its chunks but the last of all, and their gradients before each but the
  // first; the gradients of what all stages have.
  void expect_between_stages() const {
    const std::int64_t tokens = rows_.own_tokens * awkward_hidden(row_.family);
    if (groups_.stage_links) {
      expect(groups_.stage_links->to_after, &Traffic::sent_bytes, floats(depth_.sending * tokens));
      expect(groups_.stage_links->to_before, &Traffic::sent_bytes, floats(depth_.sending_back * tokens));
    }
    expect(groups_.pipeline, &Traffic::all_reduce_bytes,
           floats(replicas(&nn::Placement::partial_over_pipeline)));
  }

  // Seven numbers.
  void expect_between_all() const { expect(groups_.all, &Traffic::all_reduce_bytes, 7 * sizeof(double)); }

 private:
  using Traffic = comm::Traffic;

  void expect_of_share(const comm::Group& group, const nn::ParameterList& parameters,
                       bool are_of_experts) const {
    const std::int64_t all = elements_of(parameters, are_of_experts);
    std::int64_t summed = all, gathered = all;
    if (row_.has_fsdp()) {
      const std::int64_t passes = passes_of_first_step(groups_);
      const std::int64_t blocks = elements_of(parameters, are_of_experts, kInBlocks), outside = all - blocks;
      summed = outside + passes * blocks;
      gathered = outside + gathers_of_blocks(parameters.parallel().depth, row_.layers(), passes) *
                               (blocks / depth_.layers);
    }
    expect(group, &Traffic::reduce_scatter_bytes, groups_.all.size() > 1 ? floats(summed) : 0);
    expect(group, &Traffic::all_gather_bytes, floats(gathered));
  }

  using Traffics = std::map<const comm::Group*, Traffic>;

  Traffics traffic() const {
    Traffics all;
    for (const comm::Group* each :
         {&groups_.tensor, &groups_.context, &groups_.context_ring, &groups_.context_heads, &groups_.shard,
          &groups_.expert, &groups_.expert_shard, &groups_.pipeline, &groups_.all})
      all[each] = each->traffic();
    if (groups_.stage_links) {
      for (const comm::Group* each : {&groups_.stage_links->to_after, &groups_.stage_links->to_before})
        all[each] = each->traffic();
    }
    return all;
  }
  std::uint64_t moved(const comm::Group& group, std::uint64_t Traffic::*kind) const {
    return after_.at(&group).*kind - before_.at(&group).*kind;
  }
  std::int64_t moved_number(const comm::Group& group, std::uint64_t Traffic::*kind) const {
    return static_cast<std::int64_t>(moved(group, kind));
  }
  void expect(const comm::Group& group, std::uint64_t Traffic::*kind, std::uint64_t bytes) const {
    EXPECT_EQ(moved(group, kind), bytes) << "between the ranks of " << group.role();
  }
  // Over all ranks.
  void expect_sum(const comm::Group& group, std::uint64_t Traffic::*kind, std::int64_t bytes) const {
    std::array sums{static_cast<std::int64_t>(moved(group, kind)), bytes};
    groups_.all.all_reduce_sum(std::span<std::int64_t>(sums));
    EXPECT_EQ(sums[0], sums[1]) << "between the ranks of " << group.role();
  }
  std::int64_t replicas(bool nn::Placement::*partial) const {
    return owned_replicas(trainer_->parameters(), groups_, partial);
  }

  const LayoutRow& row_;
  const comm::GridGroups& groups_;
  std::unique_ptr<Trainer> trainer_;
  NotedScores scores_;
  Traffics before_, after_;
  Rows rows_ = rows_of_first_step(groups_);
  Depth depth_{trainer_->parameters().parallel().depth, row_.layers()};
};

}  // namespace dfm::train
