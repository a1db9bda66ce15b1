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
  } catch (...) {  // on every rank that shares the samples
    return;
  }
  if (next_->batch.packs.empty()) return;
  try {
    next_->first_pack = make_tensors_(next_->batch.packs.front());
  } catch (...) {  // maybe on this rank alone, as for want of memory: the samples are there on all of them
  }
}

}  // namespace dfm::train
