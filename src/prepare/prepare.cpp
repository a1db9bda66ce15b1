#include "prepare/prepare.h"

#include <algorithm>

#include "comm/agree.h"
#include "comm/locked_folder.h"
#include "core/log.h"
#include "media/source.h"
#include "prepare/found.h"
#include "prepare/output_folder.h"
#include "prepare/synthetic.h"
#include "prepare/worker.h"

namespace dfm::prepare {
namespace {

// Collective. The source as rank 0 sees it.
media::Source shared_source(const PrepareSettings& settings, const comm::Group& world) {
  if (settings.synthetic > 0) return synthetic_source(settings.synthetic);
  const std::string text = comm::agreed(world, [&] {
    return world.rank() == 0 ? media::to_text(media::open_source(settings.source)) : std::string();
  });
  return media::source_from_text(world.broadcast_text(text, 0));
}

// Small enough that the ranks end at nearly the same time and that an interruption costs little, large enough
// that a part is worth a file. Synthetic shards cost little and are written whole where there are enough of
// them.
std::int64_t items_in_block(const PrepareSettings& settings, std::int64_t items, std::int64_t shards,
                            int ranks) {
  constexpr std::int64_t kMost = 64, kBlocksForEachRank = 8;
  if (settings.synthetic > 0 && shards >= ranks) return settings.shard_maxcount;
  return std::clamp<std::int64_t>(items / (kBlocksForEachRank * ranks), 1, kMost);
}

// What all of the work has in common.
struct Workshop {
  const PrepareSettings& settings;
  const OutputFolder& folder;
  const media::Source& source;
  const comm::Group& world;
  ProgressStyle progress;
};

// Collective. False on all ranks when any was asked to stop.
bool work_off(const WorkPlan& plan, const char* what, const Workshop& shop) {
  HandOut hand_out(plan, shop.world);
  Progress progress(what, plan.items, shop.progress);
  const bool finished = comm::agreed(shop.world, [&] {
    return Worker(shop.settings, shop.folder, shop.source).run(plan, hand_out, progress);
  });
  std::int64_t stopped = finished ? 0 : 1;
  shop.world.all_reduce_max(std::span(&stopped, 1));
  return stopped == 0;
}

// Collective. What is missing, then what is left out of the shards that were there before.
bool make_all(const Found& found, const Workshop& shop) {
  const auto items = static_cast<std::int64_t>(shop.source.items.size());
  const auto size = [&](std::int64_t count, std::int64_t shards) {
    return WorkSize{items, shop.settings.shard_maxcount,
                    items_in_block(shop.settings, count, shards, shop.world.size())};
  };
  const auto missing = std::ranges::count(found.finished, false);
  if (!work_off(plan_work(size(items, missing), found.finished, found.parts), "Preparing", shop))
    return false;
  if (found.left_out.empty()) return true;
  const auto tries = std::ssize(found.left_out);
  return work_off(plan_second_try(size(tries, 0), found.left_out), "Trying again", shop);
}

// Collective. Sums up the records of all shards, which rank 0 reads; parts that nothing was made of are
// removed.
ShardRecord collect_records(const OutputFolder& folder, std::int64_t shards, const comm::Group& world) {
  const std::string mine = comm::agreed(world, [&] {
    ShardRecord all;
    if (world.rank() != 0) return to_text(all);
    for (std::int64_t i = 0; i < shards; ++i) {
      const auto record = folder.finished(folder.shard_path(i));
      ensure(record.has_value(), "a shard that was just made is not there");
      append(*record, all);
    }
    folder.remove_parts();
    folder.write_left_out(all);
    return to_text(all);
  });
  return shard_record_from_text(world.broadcast_text(mine, 0), "the report of rank 0");
}

void sum_up(const ShardRecord& all, const Found& found, PrepareReport& report) {
  report.samples = all.samples;
  report.mended = std::ssize(found.left_out);
  for (const LeftOut& each : all.left_out) {
    if (std::ranges::binary_search(found.left_out, each.item)) --report.mended;
    report.skipped.push_back(each.text);
  }
}

}  // namespace

ExitCode PrepareReport::exit_code() const {
  if (stopped) return ExitCode::stopped;
  return skipped.empty() ? ExitCode::done : ExitCode::partial;
}

PrepareReport prepare(const PrepareSettings& settings, const comm::Group& world, ProgressStyle progress) {
  const media::Source source = shared_source(settings, world);
  const OutputFolder folder(settings.output);
  const auto lock = comm::locked_folder(world, settings.output);
  if (world.rank() == 0) {
    for (const std::string& warning : source.warnings) log::warn("{}", warning);
  }
  const Found found = look_around(folder, settings, source, world);
  PrepareReport report;
  report.shards = std::ssize(found.finished);
  report.shards_found = std::ranges::count(found.finished, true);
  report.left_out_list = folder.left_out_list();
  report.stopped = !make_all(found, {settings, folder, source, world, progress});
  if (!report.stopped) sum_up(collect_records(folder, report.shards, world), found, report);
  return report;
}

}  // namespace dfm::prepare
