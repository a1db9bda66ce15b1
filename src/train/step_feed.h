// What the steps of this rank compute, one after the other: the batch of each with the tensors of its packs.
// The next step can be prepared while a device still computes the one before.
//
//   StepFeed::Work work = feed.take(position);
//   for (pack ...) { const PackTensors tensors = feed.tensors(work, pack); ... queue the pass ... }
//   feed.prepare(next position);
//   ... wait for the device ...
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "comm/group.h"
#include "data/loader/prefetching_reader.h"
#include "train/batch.h"

namespace dfm::train {

class StepFeed {
 public:
  struct Work {
    std::int64_t position = 0;
    data::StepBatch batch;
    std::optional<PackTensors> first_pack = {};  // until it is taken
  };
  // What this rank computes of a pack.
  using MakeTensors = std::function<PackTensors(const std::vector<data::PositionedSample>&)>;

  // replica: the ranks that compute the same samples; it must outlive this.
  StepFeed(data::PrefetchingReader reader, const comm::Group& replica, MakeTensors make_tensors)
      : reader_(std::move(reader)), replica_(replica), make_tensors_(std::move(make_tensors)) {}

  // Collective over the replica, as is prepare(). The work of the step that begins at a position.
  Work take(std::int64_t position);
  PackTensors tensors(Work& work, std::size_t pack) const;

  // Makes the work of a step ready to be taken. An error is met again, and thrown, by take(), or by tensors()
  // where it was met making these.
  void prepare(std::int64_t position);
  // For when samples were left out since: what is ready may hold them.
  void forget() { next_.reset(); }

  data::PrefetchingReader& reader() { return reader_; }
  const data::PrefetchingReader& reader() const { return reader_; }

 private:
  Work work_at(std::int64_t position);

  data::PrefetchingReader reader_;
  const comm::Group& replica_;
  MakeTensors make_tensors_;
  std::optional<Work> next_;
};

}  // namespace dfm::train
