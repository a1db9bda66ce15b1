// Makes parts and shards as they are handed out: a counter that all ranks take from gives the next ticket of
// the plan, so a slow rank holds nobody up, and the last rank to finish a part of a shard puts it together.
//
// A rank that fails, or is asked to stop, tells the others by a second counter, which all look at while they
// work.
#pragma once

#include <chrono>
#include <optional>

#include "comm/shared_counters.h"
#include "core/progress.h"
#include "media/source.h"
#include "prepare/output_folder.h"
#include "prepare/prepare.h"
#include "prepare/sample_maker.h"
#include "prepare/work_plan.h"

namespace dfm::prepare {

class HandOut {
 public:
  // Collective; so is its end.
  HandOut(const WorkPlan& plan, const comm::Group& world);

  // Empty when there are no more, or when any rank stopped.
  std::optional<Ticket> next();
  // Whether that was the last part that its shard waited for.
  bool finish(const Ticket& ticket);
  // Returns how many items all ranks finished since this was called last.
  std::int64_t count_item();
  // For all ranks.
  void stop() { counters_.add(kStop, 1); }
  // Whether any rank stopped. Asks at most a few times a second.
  bool is_stopped();

 private:
  enum : std::size_t { kNext, kStop, kItems, kFirstShard };

  const WorkPlan& plan_;
  comm::SharedCounters counters_;
  std::chrono::steady_clock::time_point asked_{};
  bool stopped_ = false;
  std::int64_t items_ = 0;
};

class Worker {
 public:
  Worker(const PrepareSettings& settings, const OutputFolder& folder, const media::Source& source)
      : settings_(settings), folder_(folder), source_(source) {}

  // Works until nothing is left; false when asked to stop, here or on another rank: what is not finished then
  // leaves nothing behind.
  bool run(const WorkPlan& plan, HandOut& hand_out, Progress& progress);

 private:
  bool make(const ShardPlan& shard, const ItemRange& part, HandOut& hand_out, Progress& progress);
  // Once all its parts are there.
  void complete(const ShardPlan& shard);
  // The samples of the item that the reader stands at, under their keys.
  std::vector<KeyedSample> samples_of(std::int64_t item);
  void turn_to(std::int64_t item);

  const PrepareSettings& settings_;
  const OutputFolder& folder_;
  const media::Source& source_;
  std::optional<media::SourceReader> reader_;
};

}  // namespace dfm::prepare
