#include "prepare/prepare.h"

#include <algorithm>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "comm/agree.h"
#include "comm/locked_folder.h"
#include "core/hash.h"
#include "core/json.h"
#include "core/log.h"
#include "media/source.h"
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

// What is there of the shards, as rank 0 finds it.
struct Found {
  std::vector<bool> finished;  // by shard
  std::vector<ItemRange> parts;
};

std::string to_text(const Found& found) {
  Json parts = Json::array();
  for (const ItemRange& part : found.parts) parts.push_back({part.begin, part.end});
  return Json{{"finished", found.finished}, {"parts", parts}}.dump();
}

Found found_from_text(const std::string& text) {
  const Json json = parse_json(text, "what rank 0 found");
  Found found{json.at("finished").get<std::vector<bool>>(), {}};
  for (const Json& part : json.at("parts")) found.parts.push_back({part.at(0), part.at(1)});
  return found;
}

// Collective. Rank 0 looks.
Found look_around(const OutputFolder& folder, std::int64_t shards, const comm::Group& world) {
  const std::string text = comm::agreed(world, [&] {
    Found found;
    if (world.rank() != 0) return std::string();
    for (std::int64_t i = 0; i < shards; ++i)
      found.finished.push_back(folder.finished(folder.shard_path(i)).has_value());
    found.parts = folder.parts();
    return to_text(found);
  });
  return found_from_text(world.broadcast_text(text, 0));
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

// Collective. Sums up the records of all shards, which rank 0 reads; parts that nothing was made of are
// removed.
void collect_records(const OutputFolder& folder, std::int64_t shards, const comm::Group& world,
                     PrepareReport& report) {
  const std::string mine = comm::agreed(world, [&] {
    ShardRecord all;
    if (world.rank() != 0) return to_text(all);
    for (std::int64_t i = 0; i < shards; ++i) {
      const auto record = folder.finished(folder.shard_path(i));
      ensure(record.has_value(), "a shard that was just made is not there");
      all.samples += record->samples;
      all.skipped.insert(all.skipped.end(), record->skipped.begin(), record->skipped.end());
    }
    folder.remove_parts();
    folder.write_left_out(all.skipped);
    return to_text(all);
  });
  ShardRecord all = shard_record_from_text(world.broadcast_text(mine, 0), "the report of rank 0");
  report.samples = all.samples;
  report.skipped = std::move(all.skipped);
  report.left_out_list = folder.left_out_list();
}

}  // namespace

ExitCode PrepareReport::exit_code() const {
  if (stopped) return ExitCode::stopped;
  return skipped.empty() ? ExitCode::done : ExitCode::partial;
}

PrepareReport prepare(const PrepareSettings& settings, const comm::Group& world,
                      ProgressStyle progress_style) {
  const media::Source source = shared_source(settings, world);
  const OutputFolder folder(settings.output);
  const auto lock = comm::locked_folder(world, settings.output);
  comm::agreed(world, [&] {
    if (world.rank() != 0) return;
    for (const std::string& warning : source.warnings) log::warn("{}", warning);
    folder.claim(fmt::format("{}, items {}", settings.fingerprint, hex(hash64(media::to_text(source)))));
  });
  const auto items = static_cast<std::int64_t>(source.items.size());
  PrepareReport report;
  report.shards = (items + settings.shard_maxcount - 1) / settings.shard_maxcount;
  const Found found = look_around(folder, report.shards, world);
  report.shards_found = std::ranges::count(found.finished, true);
  const std::int64_t block =
      items_in_block(settings, items, report.shards - report.shards_found, world.size());
  const WorkPlan plan = plan_work({items, settings.shard_maxcount, block}, found.finished, found.parts);

  HandOut hand_out(plan, world);
  Progress progress("Preparing", plan.items, progress_style);
  const bool finished =
      comm::agreed(world, [&] { return Worker(settings, folder, source).run(plan, hand_out, progress); });
  std::int64_t stopped = finished ? 0 : 1;
  world.all_reduce_max(std::span(&stopped, 1));
  report.stopped = stopped != 0;
  if (!report.stopped) collect_records(folder, report.shards, world, report);
  return report;
}

}  // namespace dfm::prepare
