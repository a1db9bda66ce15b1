// Which samples of a step go into which pack, and which packs to which data-parallel rank: pure functions of
// what is recorded of the samples, the same on every rank. What a sample costs comes from who knows the
// model.
#pragma once

#include <cstdint>
#include <vector>

namespace dfm::data {

// Indices into the list of token counts.
using Pack = std::vector<std::size_t>;

// First-fit decreasing: longest first, each into the first pack with room, else into a new one; an item
// longer than the capacity has a pack of its own (spec/dfm.md section 4.6). O(n log n) by a tree over the
// room in the packs.
std::vector<Pack> first_fit_decreasing(const std::vector<std::int64_t>& token_counts, std::int64_t capacity);

// What is known of the samples of a step before any is read: what they take of a pack, and of the time.
struct SampleSizes {
  std::vector<std::int64_t> tokens;
  std::vector<double> costs;  // FLOPs, or in any other unit
};

// The packs of each rank, as near to equal costs as dealing gets.
using StepPlan = std::vector<std::vector<Pack>>;
using Planner = StepPlan (*)(const SampleSizes& samples, std::int64_t capacity, std::size_t ranks);

// Samples are dealt to the ranks first and packed there: every rank has work even if all would fit into one
// pack. For training where the composition of a pack does not change the result.
StepPlan plan_by_sample(const SampleSizes& samples, std::int64_t capacity, std::size_t ranks);

// Packs are made first and dealt whole, so that their composition does not depend on the number of ranks. For
// training with one noise level a pack.
StepPlan plan_by_pack(const SampleSizes& samples, std::int64_t capacity, std::size_t ranks);

// How the samples of a step share forward passes: packed one behind the other up to the capacity; or only
// with samples of the same number of tokens, or of the same shape, at most `most_samples` of them.
enum class Batching { packed, fixed_length, buckets };

// Samples of a class (a length, a shape) in packs of their own, at most most_samples in each, dealt whole:
// like plan_by_pack, the composition of a pack does not depend on the number of ranks.
StepPlan plan_by_class(const std::vector<double>& costs, const std::vector<std::int64_t>& classes,
                       std::size_t most_samples, std::size_t ranks);

// What the most loaded rank has more than the mean of all: 0.03 is 3 %.
double imbalance(const StepPlan& plan, const std::vector<double>& costs);

// How full the packs of all ranks are: tokens for the room in them, or samples for the places.
double fill_ratio(const StepPlan& plan, const std::vector<std::int64_t>& amounts, std::int64_t room);

}  // namespace dfm::data
