#include "data/energon/index_builder.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <optional>
#include <set>

#include <fmt/core.h>

#include "comm/agree.h"
#include "core/error.h"
#include "core/stop_token.h"
#include "core/text.h"
#include "data/energon/duplicate_keys.h"
#include "data/energon/index_metadata.h"
#include "data/energon/shapes_file.h"

namespace dfm::data {
namespace {

// The shards of the data set, who indexes each, and what is known of them. The vectors run in parallel.
struct Work {
  std::vector<ShardFile> shards;
  std::vector<int> owners;
  std::vector<ShardResult>
      results;  // complete for this rank's shards; summaries of all after share_summaries
};

Discovery find_something(const IndexSettings& settings) {
  Discovery found = find_shards(settings.root, settings.exclude);
  if (found.shards.empty() && found.skipped.empty()) {
    throw data_error(fmt::format("there are no shards (*.tar) in {}{}", settings.root.native(),
                                 settings.exclude.empty() ? "" : " that index.exclude leaves"),
                     "name the folder that holds them; dfm_prepare makes them from pictures");
  }
  prepare_meta_folder(settings);
  return found;
}

// Collective. Rank 0 looks, so that a file system meets one visitor.
Discovery find_together(const IndexSettings& settings, const comm::Group& world) {
  const Discovery found =
      comm::agreed(world, [&] { return world.rank() == 0 ? find_something(settings) : Discovery{}; });
  return discovery_from_text(world.broadcast_text(to_text(found), 0));
}

void index_my_shards(Work& work, const IndexSettings& settings, const comm::Group& world,
                     const IndexTools& tools) {
  std::int64_t my_bytes = 0;
  for (std::size_t i = 0; i < work.shards.size(); ++i) {
    if (work.owners[i] == world.rank()) my_bytes += static_cast<std::int64_t>(work.shards[i].size_bytes);
  }
  Progress progress("Indexing", my_bytes, tools.progress);
  for (std::size_t i = 0; i < work.shards.size() && !StopToken::requested(); ++i) {
    if (work.owners[i] != world.rank()) continue;
    work.results[i] = index_shard(settings.root, work.shards[i].name, tools.read_shapes);
    progress.advance(static_cast<std::int64_t>(work.shards[i].size_bytes), work.shards[i].name);
  }
}

// Collective.
void share_summaries(Work& work, const comm::Group& world) {
  for (std::size_t i = 0; i < work.shards.size(); ++i) {
    const bool is_mine = work.owners[i] == world.rank();
    const std::string text = is_mine ? to_text(work.results[i].summary) : "";
    work.results[i].summary = shard_summary_from_text(world.broadcast_text(text, work.owners[i]));
  }
}

// Collective. Calls use with one number or row a sample for each indexed shard in turn, on every rank.
template <class Item, class Use>
void pass_around(const Work& work, const comm::Group& world, std::vector<Item> ShardResult::*items,
                 Use&& use) {
  for (std::size_t i = 0; i < work.shards.size(); ++i) {
    std::vector<Item> shared = work.results[i].*items;
    shared.resize(work.results[i].summary.samples);
    world.broadcast(std::as_writable_bytes(std::span(shared)), work.owners[i]);
    use(i, shared);
  }
}

Error duplicate_error(const Work& work, const DuplicateKey& duplicate) {
  return data_error(
      fmt::format("the key {} comes twice: in {} (sample {}) and in {} (sample {})", printable(duplicate.key),
                  work.shards[duplicate.first.shard].name, duplicate.first.sample,
                  work.shards[duplicate.second.shard].name, duplicate.second.sample),
      "keys must differ in the whole data set: rename the files in the shards, or leave one out with "
      "index.exclude");
}

// Collective. Each rank looks after the keys whose hash falls to it.
void refuse_duplicate_keys(const Work& work, const IndexSettings& settings, const comm::Group& world) {
  std::vector<KeyPlace> places;
  const auto ranks = static_cast<std::uint64_t>(world.size()), me = static_cast<std::uint64_t>(world.rank());
  pass_around(work, world, &ShardResult::key_hashes,
              [&](std::size_t shard, const std::vector<std::uint64_t>& hashes) {
                ensure(hashes.size() <= std::numeric_limits<std::uint32_t>::max(), "a shard of 2^32 samples");
                for (std::size_t sample = 0; sample < hashes.size(); ++sample) {
                  if (hashes[sample] % ranks != me) continue;
                  places.push_back({hashes[sample], static_cast<std::uint32_t>(shard),
                                    static_cast<std::uint32_t>(sample)});
                }
              });
  comm::agreed(world, [&] {
    const auto duplicate = find_duplicate_key(std::move(places), [&](const KeyPlace& place) {
      return read_sample_key(settings.root / work.shards[place.shard].name, place.sample);
    });
    if (duplicate) throw duplicate_error(work, *duplicate);
  });
}

void refuse_nothing(const IndexSettings& settings, const IndexReport& report) {
  if (!report.shards.empty()) return;
  const SkippedShard& first = report.skipped.front();
  throw data_error(fmt::format("none of the {} shards in {} can be indexed; {}: {}", report.skipped.size(),
                               settings.root.native(), printable(first.name), first.reason));
}

std::uint32_t common_text_width(const Work& work) {
  const TextWidth* first = nullptr;
  for (const ShardResult& result : work.results) {
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
    report.samples += summary.samples;
    report.lost_bytes += summary.lost_bytes;
    report.samples_without_shape += summary.samples_without_shape;
    has_tensors = has_tensors || summary.samples_with_tensors > 0;
    extensions.insert(summary.extensions.begin(), summary.extensions.end());
    report.warnings.insert(report.warnings.end(), summary.warnings.begin(), summary.warnings.end());
  }
  report.extensions.assign(extensions.begin(), extensions.end());
  report.has_shapes = has_tensors;
  if (!has_tensors) report.samples_without_shape = 0;  // another kind of data set
  return report;
}

void warn_of_unreadable(const Work& work, IndexReport& report) {
  if (report.samples_without_shape == 0) return;
  std::string example;
  for (const ShardResult& result : work.results) {
    if (example.empty() && !result.summary.unreadable.empty()) example = result.summary.unreadable.front();
  }
  report.warnings.push_back(
      fmt::format("the shapes of {} of {} samples cannot be read and will not be trained on, the first: {}",
                  report.samples_without_shape, report.samples, example));
}

// Collective. Rank 0 writes the rows of all ranks as they come.
void write_shapes(const Work& work, const IndexSettings& settings, const comm::Group& world,
                  std::uint32_t text_width) {
  std::vector<ShapesOfShard> table;
  for (std::size_t i = 0; i < work.shards.size(); ++i) {
    const ShardSummary& summary = work.results[i].summary;
    if (summary.samples == 0) continue;
    table.push_back({work.shards[i].name, summary.samples, summary.end_offset, summary.rows_hash});
  }
  std::optional<ShapesWriter> writer;
  std::exception_ptr failure;
  const auto on_root = [&](auto&& action) {
    if (world.rank() != 0 || failure != nullptr) return;
    try {
      action();
    } catch (...) {
      failure = std::current_exception();  // the other ranks still pass rows around
    }
  };
  on_root([&] { writer.emplace(settings.root, text_width, table); });
  pass_around(work, world, &ShardResult::rows,
              [&](std::size_t /*shard*/, const std::vector<SampleShape>& rows) {
                on_root([&] { writer->append(rows); });
              });
  on_root([&] { writer->commit(); });
  comm::agree_on(world, failure);
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

IndexReport build_index(const IndexSettings& settings, const comm::Group& world, const IndexTools& tools) {
  const Discovery found = find_together(settings, world);
  Work work{found.shards, deal_shards(found.shards, world.size()),
            std::vector<ShardResult>(found.shards.size())};
  comm::agreed(world, [&] { index_my_shards(work, settings, world, tools); });
  IndexReport report;
  report.stopped = comm::stop_requested_anywhere(world);
  if (report.stopped) return report;

  share_summaries(work, world);
  report = make_report(work, found);
  comm::agreed(world, [&] {
    refuse_nothing(settings, report);
    report.text_width = common_text_width(work);
  });
  refuse_duplicate_keys(work, settings, world);
  warn_of_unreadable(work, report);
  if (report.has_shapes) write_shapes(work, settings, world, report.text_width);
  comm::agreed(world, [&] {
    if (world.rank() != 0) return;
    if (!report.has_shapes) remove_file(settings.root / kShapesFile);
    write_metadata(settings, report);
  });
  return report;
}

}  // namespace dfm::data
