// Samples that could not be read: agreed on by all ranks, not tried again, and counted against a budget.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "ckpt/manifest.h"
#include "comm/group.h"
#include "data/loader/prefetching_reader.h"

namespace dfm::train {

class BadSamples {
 public:
  // group: of the ranks that divide a step; it must outlive this. most: how many there may be in a run, all
  // its starts together.
  BadSamples(const comm::Group& group, std::int64_t most) : group_(group), most_(most) {}

  // Collective, for a step in which any rank had a bad sample. Puts them in the reader's quarantine on every
  // rank. Throws on every rank when there are too many by now.
  void note(const data::StepBatch& batch, data::PrefetchingReader& reader);

  // Goes on from a checkpoint. The quarantine counts for the data set that it was made with.
  void restore(const ckpt::Manifest& manifest, data::PrefetchingReader& reader);

  const std::vector<std::string>& problems() const { return problems_; }

 private:
  const comm::Group& group_;
  std::int64_t most_;
  std::vector<std::string> problems_;
};

}  // namespace dfm::train
