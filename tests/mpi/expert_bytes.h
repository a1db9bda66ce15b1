// What experts that ranks divide must move in the first step of a layout.
#pragma once

#include <algorithm>
#include <memory>
#include <numeric>
#include <string_view>
#include <vector>

#include <ATen/record_function.h>
#include <gtest/gtest.h>

#include "mpi/first_step.h"
#include "nn/shared_choice.h"
#include "train/pipeline_schedule.h"

namespace dfm::train {

// What each expert takes of this rank's samples in the first step, and how many passes that has.
struct Picks {
  Picks(const LayoutRow& row, const comm::GridGroups& groups) : passes(passes_of_first_step(groups)) {
    for (const auto& pack : packs_of_first_step(groups)) {
      const nn::PackLayout layout = pack_tensors(pack, {}, tiny_model().patches).layout;
      for (const std::int64_t tokens : layout.whole_counts())
        rows += nn::expert_capacity(tokens, awkward_experts(row.family), kAwkwardCapacity);
    }
  }
  std::int64_t rows = 0, passes = 0;
};

// Whether which of a sample's tokens an expert takes decides what travels: an expert group has several of the
// sample's context ranks.
inline bool travels_by_choice(const LayoutRow& row, const comm::GridGroups& groups) {
  return row.grid.expert > groups.data.size();
}

// The scores by which experts choose in the passes that run while this lives: what a softmax gives whose rows
// are as wide as there are experts.
class NotedScores {
 public:
  explicit NotedScores(const LayoutRow& row) : experts_(awkward_experts(row.family)) {
    running_ = this;
    handle_ = at::addThreadLocalCallback(at::RecordFunctionCallback(&begin, &end).needsOutputs(true));
  }
  NotedScores(const NotedScores&) = delete;
  NotedScores& operator=(const NotedScores&) = delete;
  ~NotedScores() { at::removeCallback(handle_); }

  const std::vector<at::Tensor>& all() const { return scores_; }

 private:
  static std::unique_ptr<at::ObserverContext> begin(const at::RecordFunction& /*called*/) { return nullptr; }
  static void end(const at::RecordFunction& called, at::ObserverContext* /*none*/) {
    if (std::string_view(called.name()) != "aten::softmax") return;
    const at::Tensor scores = called.outputs().at(0).toTensor();
    if (scores.dim() == 2 && scores.size(1) == running_->experts_)
      running_->scores_.push_back(scores.detach());
  }

  static inline NotedScores* running_ = nullptr;
  std::int64_t experts_;
  std::vector<at::Tensor> scores_;
  at::CallbackHandle handle_ = 0;
};

// Collective. Rows of this rank that experts of other ranks took in the first step, by the scores of each
// pass through each layer. What is chosen by scores is tested for itself (test_shared_choice.cpp).
inline std::int64_t rows_taken_elsewhere(const LayoutRow& row, const comm::GridGroups& groups,
                                         const nn::ModelParallel& parallel, const NotedScores& noted) {
  const auto packs = packs_of_first_step(groups);
  const auto passes = static_cast<std::size_t>(passes_of_first_step(groups));
  const Range here = parallel.expert_share(awkward_experts(row.family));
  const nn::ChoiceRule rule{nn::RoutingGroup::sample, kAwkwardCapacity};
  std::int64_t taken = 0;
  auto scores = noted.all().begin();
  for (const PipelineWork& work : pipeline_schedule(pipeline_shape(parallel.depth, passes),
                                                    static_cast<std::size_t>(parallel.depth.stage))) {
    if (work.is_backward) continue;
    const auto layers = parallel.depth.chunk(row.layers(), static_cast<int>(work.chunk)).layers.count;
    for (std::int64_t i = 0; i < layers; ++i, ++scores) {
      if (work.pack >= packs.size()) continue;
      const auto layout =
          pack_tensors(packs[work.pack], {}, tiny_model().patches).layout.share(parallel.sequence_cut());
      const auto counts = nn::choose_in_own_rows(*scores, layout, rule, parallel).counts;
      taken += std::reduce(counts.begin(), counts.end()) -
               std::reduce(counts.begin() + here.begin, counts.begin() + here.end());
    }
  }
  EXPECT_EQ(scores, noted.all().end());
  return taken;
}

// What the ranks of an expert group send to each other in the first step, a part of it for each rank, which
// add up to the whole: in every pass how many rows go where, and the rows; what the experts made of them
// comes back; both again for the gradients.
inline std::uint64_t bytes_between_experts(const LayoutRow& row, const comm::GridGroups& groups,
                                           const nn::ModelParallel& parallel, const NotedScores& noted) {
  const std::int64_t experts = awkward_experts(row.family);
  const std::int64_t elsewhere = experts - parallel.expert_share(experts).count;
  const auto numbers = static_cast<std::int64_t>(noted.all().size()) * elsewhere;
  const std::int64_t rows = rows_taken_elsewhere(row, groups, parallel, noted);
  return floats(4 * rows * awkward_hidden(row.family)) +
         sizeof(std::int64_t) * static_cast<std::uint64_t>(numbers);
}

// What the tensor ranks gather and scatter for the experts here, summed over the context ranks: the scores of
// all tokens, to choose by; the rows that these experts take, and how many each rank has of them; what they
// make of the rows is scattered; both the other way round backwards.
struct TensorExpertBytes {
  TensorExpertBytes(const LayoutRow& row, std::int64_t layers, std::int64_t tokens,
                    const comm::GridGroups& groups) {
    Picks picks(row, groups);
    const bool has_all_contexts = travels_by_choice(row, groups);
    (has_all_contexts ? groups.data : groups.expert).all_reduce_sum(std::span(&picks.rows, 1));
    const std::int64_t mine = nn::model_parallel(groups).expert_share(awkward_experts(row.family)).count;
    const std::int64_t taken = has_all_contexts || groups.context.rank() == 0 ? mine * picks.rows : 0;
    const std::int64_t rows = 2 * taken * awkward_hidden(row.family);
    scattered = static_cast<std::int64_t>(floats(layers * rows));
    gathered = scattered + static_cast<std::int64_t>(floats(layers * tokens * awkward_experts(row.family))) +
               8 * layers * picks.passes * mine * groups.tensor.size();
  }
  std::int64_t gathered, scattered;
};

}  // namespace dfm::train
