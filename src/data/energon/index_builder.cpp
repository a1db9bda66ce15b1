#include "data/energon/index_builder.h"

#include <algorithm>
#include <deque>
#include <future>
#include <numeric>
#include <set>

#include <fmt/core.h>

#include "comm/agree.h"
#include "comm/locked_folder.h"
#include "core/error.h"
#include "core/stop_token.h"
#include "core/text.h"
#include "data/energon/index_metadata.h"
#include "data/energon/index_tables.h"
#include "data/energon/listed_shards.h"
#include "data/energon/shard_record.h"

namespace dfm::data {
namespace {

// The shards of the data set, who indexes each, and what is known of them. The vectors run in parallel.
struct Work {
  std::vector<ShardFile> shards;
  std::vector<int> owners;
  std::vector<RecordedShard> results;  // of this rank's shards; of all after share_results
};

// One process.
Discovery find_something(IndexSettings& settings, const IndexDialog& dialog) {
  Discovery found =
      settings.tar_index_only ? listed_shards(settings.root) : find_shards(settings.root, settings.exclude);
  if (found.shards.empty() && found.skipped.empty()) {
    throw data_error(fmt::format("there are no shards (*.tar) in {}{}", settings.root.native(),
                                 settings.exclude.empty() ? "" : " that index.exclude leaves"),
                     "name the folder that holds them; dfm_prepare makes them from pictures");
  }
  if (dialog.after_discovery) dialog.after_discovery(found, settings);
  prepare_meta_folder(settings);
  return found;
}

// Collective. Rank 0 looks, so that a file system meets one visitor.
Discovery find_together(IndexSettings& settings, const comm::Group& world, const IndexDialog& dialog) {
  const Discovery found =
      comm::agreed(world, [&] { return world.rank() == 0 ? find_something(settings, dialog) : Discovery{}; });
  return discovery_from_text(world.broadcast_text(to_text(found), 0));
}

std::size_t bytes_of(const FoundShard& found) {
  return found.record->samples.size() + found.record->shapes.size() * sizeof(SampleShape) +
         found.record->media.size() + found.offsets.size() * sizeof(std::uint64_t);
}

// What is written about shards that are read. A disk takes its time to make a small file durable, longer than
// a small shard takes to be read, and as long for several as for one.
class Writes {
 public:
  void begin(const IndexSettings& settings, FoundShard found) {
    const std::size_t bytes = bytes_of(found);
    while (!under_way_.empty() && (under_way_.size() == kMostUnderWay || bytes_ + bytes > kMostBytes))
      wait_for_oldest();
    bytes_ += bytes;
    under_way_.push_back({bytes, std::async(std::launch::async, [&settings, found = std::move(found)] {
                            write_down(settings.root, found);
                          })});
  }
  void wait() {
    while (!under_way_.empty()) wait_for_oldest();
  }

 private:
  struct Write {
    std::size_t bytes;
    std::future<void> done;
  };
  static constexpr std::size_t kMostUnderWay = 4;
  static constexpr std::size_t kMostBytes = 8U << 20U;  // more than one only of small ones

  void wait_for_oldest() {
    Write oldest = std::move(under_way_.front());
    under_way_.pop_front();
    bytes_ -= oldest.bytes;
    oldest.done.get();
  }

  std::deque<Write> under_way_;
  std::size_t bytes_ = 0;
};

void index_my_shards(Work& work, const IndexSettings& settings, const comm::Group& world,
                     const IndexTools& tools) {
  std::int64_t my_bytes = 0;
  for (std::size_t i = 0; i < work.shards.size(); ++i) {
    if (work.owners[i] == world.rank()) my_bytes += static_cast<std::int64_t>(work.shards[i].size_bytes);
  }
  Progress progress("Indexing", my_bytes, tools.progress);
  Writes writes;
  for (std::size_t i = 0; i < work.shards.size() && !StopToken::requested(); ++i) {
    if (work.owners[i] != world.rank()) continue;
    FoundShard found = find_changed_shard(settings.root, work.shards[i].name, tools.read_shapes,
                                          settings.rescan, settings.media);
    work.results[i] = found.known;
    if (found.record) writes.begin(settings, std::move(found));
    progress.advance(static_cast<std::int64_t>(work.shards[i].size_bytes), work.shards[i].name);
  }
  writes.wait();
}

// Collective.
void share_results(Work& work, const comm::Group& world) {
  for (std::size_t i = 0; i < work.shards.size(); ++i) {
    RecordedShard& result = work.results[i];
    std::string text;
    if (work.owners[i] == world.rank()) text = (result.was_read ? "1" : "0") + to_text(result.summary);
    text = world.broadcast_text(text, work.owners[i]);
    result = {shard_summary_from_text(text.substr(1)), text.starts_with('1')};
  }
}

void refuse_nothing(const IndexSettings& settings, const IndexReport& report) {
  if (!report.shards.empty()) return;
  const SkippedShard& first = report.skipped.front();
  throw data_error(fmt::format("none of the {} shards in {} can be indexed; {}: {}", report.skipped.size(),
                               settings.root.native(), printable(first.name), first.reason));
}

std::uint32_t common_text_width(const Work& work) {
  const TextWidth* first = nullptr;
  for (const RecordedShard& result : work.results) {
    for (const TextWidth& next : result.summary.text_widths) {
      if (first == nullptr) first = &next;
      if (next.width == first->width) continue;
      throw data_error(fmt::format("text embeddings have different widths: {} in {}, {} in {}", first->width,
                                   first->sample, next.width, next.sample),
                       "one model reads one width: index the shards of each in a folder of their own");
    }
  }
  return first == nullptr ? 0 : first->width;
}

void warn_of_unread_media(const Work& work, IndexReport& report) {
  std::uint64_t unread = 0;
  std::string example;
  for (const RecordedShard& result : work.results) {
    unread += result.summary.media_unread;
    if (example.empty()) example = result.summary.first_unread_media;
  }
  if (unread == 0) return;
  report.warnings.push_back(
      fmt::format("{} media parts have no row in media_metadata, the first: {}", unread, example));
}

IndexReport make_report(const Work& work, const Discovery& found) {
  IndexReport report;
  report.skipped = found.skipped;
  std::set<std::string> extensions;
  bool has_tensors = false;
  for (std::size_t i = 0; i < work.shards.size(); ++i) {
    const ShardSummary& summary = work.results[i].summary;
    if (!summary.skip_reason.empty()) {
      report.skipped.push_back({work.shards[i].name, summary.skip_reason});
      continue;
    }
    report.shards.push_back({work.shards[i].name, summary.samples});
    report.shards_read += work.results[i].was_read ? 1 : 0;
    report.samples += summary.samples;
    report.lost_bytes += summary.lost_bytes;
    report.samples_without_shape += summary.samples_without_shape;
    has_tensors = has_tensors || summary.samples_with_tensors > 0;
    extensions.insert(summary.extensions.begin(), summary.extensions.end());
    report.warnings.insert(report.warnings.end(), summary.warnings.begin(), summary.warnings.end());
  }
  warn_of_unread_media(work, report);
  report.extensions.assign(extensions.begin(), extensions.end());
  report.has_shapes = has_tensors;
  if (!has_tensors) report.samples_without_shape = 0;  // another kind of data set
  return report;
}

void warn_of_unreadable(const Work& work, IndexReport& report) {
  if (report.samples_without_shape == 0) return;
  std::string example;
  for (const RecordedShard& result : work.results) {
    if (example.empty() && !result.summary.unreadable.empty()) example = result.summary.unreadable.front();
  }
  report.warnings.push_back(
      fmt::format("the shapes of {} of {} samples cannot be read and will not be trained on, the first: {}",
                  report.samples_without_shape, report.samples, example));
}

void refuse_skipped(const IndexSettings& settings, const IndexReport& report) {
  if (!settings.strict || report.exit_code() == ExitCode::done) return;
  if (!report.skipped.empty()) {
    const SkippedShard& first = report.skipped.front();
    throw data_error(fmt::format("{} shards cannot be indexed, the first is {}: {}", report.skipped.size(),
                                 printable(first.name), first.reason),
                     "mend or remove it, or leave out index.strict");
  }
  throw data_error(report.warnings.empty() ? "a shard is damaged" : report.warnings.front(),
                   "mend it, or leave out index.strict");
}

// One process.
void write_all(const Work& work, IndexSettings& settings, const IndexDialog& dialog, IndexReport& report) {
  TableRequest request{settings.root, {}, report.has_shapes, report.text_width, settings.media};
  std::vector<std::string> names;
  for (std::size_t i = 0; i < work.shards.size(); ++i) {
    const ShardSummary& summary = work.results[i].summary;
    if (summary.skip_reason.empty()) request.shards.push_back({work.shards[i].name, &summary});
    names.push_back(work.shards[i].name);
  }
  report.stopped = write_tables(request) == TablesOutcome::stopped;
  if (report.stopped) return;
  remove_other_records(settings.root, names);
  if (settings.tar_index_only) return write_index_only_metadata(settings, report);
  write_metadata(settings, report);
  if (dialog.after_indexing) dialog.after_indexing(report, settings);
  write_dataset_yaml(settings, report);
}

}  // namespace

std::vector<int> deal_shards(const std::vector<ShardFile>& shards, int ranks) {
  std::vector<std::size_t> by_size(shards.size());
  std::iota(by_size.begin(), by_size.end(), std::size_t{0});
  std::ranges::stable_sort(by_size, std::greater{}, [&](std::size_t i) { return shards[i].size_bytes; });
  std::set<std::pair<std::uint64_t, int>> load_of_rank;
  for (int rank = 0; rank < ranks; ++rank) load_of_rank.emplace(0, rank);
  std::vector<int> owners(shards.size());
  for (const std::size_t i : by_size) {
    auto least = load_of_rank.extract(load_of_rank.begin());
    owners[i] = least.value().second;
    least.value().first += shards[i].size_bytes;
    load_of_rank.insert(std::move(least));
  }
  return owners;
}

IndexReport build_index(IndexSettings settings, const comm::Group& world, const IndexTools& tools) {
  const Discovery found = find_together(settings, world, tools.dialog);
  Work work{found.shards, deal_shards(found.shards, world.size()),
            std::vector<RecordedShard>(found.shards.size())};
  const auto lock = comm::locked_folder(world, settings.root);
  comm::agreed(world, [&] { index_my_shards(work, settings, world, tools); });
  IndexReport report;
  report.stopped = comm::stop_requested_anywhere(world);
  if (report.stopped) return report;

  share_results(work, world);
  report = make_report(work, found);
  warn_of_unreadable(work, report);
  comm::agreed(world, [&] {
    refuse_nothing(settings, report);
    refuse_skipped(settings, report);
    if (settings.tar_index_only) refuse_other_counts(settings.root, report);
    report.text_width = common_text_width(work);
  });
  comm::agreed(world, [&] {
    if (world.rank() == 0) write_all(work, settings, tools.dialog, report);
  });
  report.stopped =
      comm::stop_requested_anywhere(world) && world.broadcast_text(report.stopped ? "1" : "", 0) == "1";
  return report;
}

}  // namespace dfm::data
