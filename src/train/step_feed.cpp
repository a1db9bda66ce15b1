#include "train/step_feed.h"

#include <utility>

#include "data/loader/shared_batch.h"

namespace dfm::train {

StepFeed::Work StepFeed::work_at(std::int64_t position) {
  return {position, data::read_once(replica_, [&] { return reader_.take(position); })};
}

StepFeed::Work StepFeed::take(std::int64_t position) {
  if (!next_ || next_->position != position) return work_at(position);
  return *std::exchange(next_, std::nullopt);
}

PackTensors StepFeed::tensors(Work& work, std::size_t pack) const {
  if (pack > 0 || !work.first_pack) return make_tensors_(work.batch.packs[pack]);
  return *std::exchange(work.first_pack, std::nullopt);
}

void StepFeed::prepare(std::int64_t position) {
  next_.reset();
  try {
    next_ = work_at(position);
    if (!next_->batch.packs.empty()) next_->first_pack = make_tensors_(next_->batch.packs.front());
  } catch (...) {  // on every rank that shares the samples
    next_.reset();
  }
}

}  // namespace dfm::train
