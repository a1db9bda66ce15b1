#include "train/pipeline_schedule.h"

#include <algorithm>
#include <map>
#include <optional>
#include <tuple>

namespace dfm::train {
namespace {

// Groups of as many packs as stages go through all chunks before the next group does.
std::vector<PipelineWork> order_of(const PipelineShape& shape, bool is_backward) {
  std::vector<PipelineWork> order;
  for (std::size_t first = 0; first < shape.packs; first += shape.stages) {
    const std::size_t last = std::min(first + shape.stages, shape.packs);
    for (std::size_t i = 0; i < shape.chunks; ++i) {
      const std::size_t chunk = is_backward ? shape.chunks - 1 - i : i;
      for (std::size_t pack = first; pack < last; ++pack) order.push_back({is_backward, chunk, pack});
    }
  }
  return order;
}

// How many forwards a stage is ahead of its backwards, so that no stage waits after the first packs.
std::size_t forwards_ahead(const PipelineShape& shape, std::size_t stage) {
  const std::size_t later = shape.stages - stage - 1;
  return shape.chunks == 1 ? later : 2 * later + (shape.chunks - 1) * shape.stages;
}

// Chunks interleave without waiting where the stages divide the packs.
PipelineShape filled_up(PipelineShape shape) {
  if (shape.chunks > 1) shape.packs = (shape.packs + shape.stages - 1) / shape.stages * shape.stages;
  return shape;
}

// When each work is over, with every stage at its own order.
class Clock {
 public:
  explicit Clock(const PipelineShape& shape) : shape_(shape) {
    for (std::size_t stage = 0; stage < shape.stages; ++stage)
      orders_.push_back(pipeline_schedule(shape, stage));
  }

  double end_of_all() {
    std::vector<std::size_t> next(shape_.stages, 0);
    std::vector<double> now(shape_.stages, 0);
    for (std::size_t left = 2 * shape_.stages * shape_.chunks * shape_.packs; left > 0;) {
      for (std::size_t stage = 0; stage < shape_.stages; ++stage) {
        for (; next[stage] < orders_[stage].size(); ++next[stage], --left) {
          const PipelineWork& work = orders_[stage][next[stage]];
          const std::optional<double> begin = input_of(stage, work);
          if (!begin) break;
          now[stage] = std::max(now[stage], *begin) + (work.is_backward ? kBackward : kForward);
          ends_[key(place_of(stage, work.chunk), work)] = now[stage];
        }
      }
    }
    return *std::ranges::max_element(now);
  }
  double work_of_a_stage() const {
    return static_cast<double>(shape_.chunks * shape_.packs) * (kForward + kBackward);
  }

 private:
  static constexpr double kForward = 1, kBackward = 2;
  using Key = std::tuple<bool, std::size_t, std::size_t>;

  // Along the depth of the network.
  std::size_t place_of(std::size_t stage, std::size_t chunk) const { return chunk * shape_.stages + stage; }
  static Key key(std::size_t place, const PipelineWork& work) { return {work.is_backward, place, work.pack}; }

  // When what it works on is there; none: not yet known.
  std::optional<double> input_of(std::size_t stage, const PipelineWork& work) const {
    const std::size_t place = place_of(stage, work.chunk), last = shape_.stages * shape_.chunks - 1;
    const bool turns = work.is_backward && place == last;  // its own forward comes before it
    if (turns || (!work.is_backward && place == 0)) return 0;
    const auto found = ends_.find(key(work.is_backward ? place + 1 : place - 1, work));
    return found == ends_.end() ? std::nullopt : std::optional(found->second);
  }

  PipelineShape shape_;
  std::vector<std::vector<PipelineWork>> orders_;
  std::map<Key, double> ends_;
};

}  // namespace

// Packs that are not there are left out afterwards: nothing else depends on them.
std::vector<PipelineWork> pipeline_schedule(const PipelineShape& shape, std::size_t stage) {
  const PipelineShape filled = filled_up(shape);
  const auto forwards = order_of(filled, false), backwards = order_of(filled, true);
  const std::size_t ahead = std::min(forwards_ahead(shape, stage), forwards.size());
  std::vector<PipelineWork> order(forwards.begin(), forwards.begin() + static_cast<std::ptrdiff_t>(ahead));
  for (std::size_t i = 0; i < backwards.size(); ++i) {
    if (ahead + i < forwards.size()) order.push_back(forwards[ahead + i]);
    order.push_back(backwards[i]);
  }
  std::erase_if(order, [&](const PipelineWork& work) { return work.pack >= shape.packs; });
  return order;
}

double waiting_share(const PipelineShape& shape) {
  if (shape.stages == 1 || shape.packs == 0) return 0;
  Clock clock(shape);
  return 1 - clock.work_of_a_stage() / clock.end_of_all();
}

}  // namespace dfm::train
