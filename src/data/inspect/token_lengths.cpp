#include "data/inspect/token_lengths.h"

#include <charconv>
#include <optional>

#include <fmt/core.h>

#include "comm/agree.h"
#include "core/error.h"
#include "core/file.h"
#include "core/stop_token.h"
#include "data/energon/dataset_metadata.h"
#include "data/inspect/stored_samples.h"

namespace dfm::data {
namespace {

constexpr const char* kTableHead = "shard,key,frames,height,width,tokens,text_rows\n";

// As RFC 4180 quotes what holds commas, quotes or line ends.
std::string csv_field(std::string_view text) {
  if (text.find_first_of(",\"\r\n") == std::string_view::npos) return std::string(text);
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? "\"\"" : std::string(1, c);
  return quoted + '"';
}

bool is_whole(const SampleShape& shape, const LengthSettings& settings) {
  return shape.frames % settings.patch_temporal == 0 && shape.height % settings.patch_spatial == 0 &&
         shape.width % settings.patch_spatial == 0;
}

std::uint64_t tokens_of(const SampleShape& shape, const LengthSettings& settings) {
  return std::uint64_t{shape.frames / settings.patch_temporal} * (shape.height / settings.patch_spatial) *
         (shape.width / settings.patch_spatial);
}

// A table is made again; anything else under its name, a shard perhaps, is not ours to replace.
void refuse_what_is_no_table(const std::filesystem::path& path) {
  if (!std::filesystem::exists(path)) return;
  const File file = File::open_to_read(path);
  std::string head(std::min<std::uint64_t>(file.size(), std::string_view(kTableHead).size()), '\0');
  file.read_exactly(std::as_writable_bytes(std::span(head)), 0);
  if (head == kTableHead) return;
  throw usage_error(
      fmt::format("index.lengths_file = {} is there already, and no table of lengths", path.native()),
      "name a new file");
}

// One shard's share of the report and its lines of the table.
struct ShardLengths {
  LengthReport report;
  std::string table;
};

ShardLengths measure(const std::string& shard, const LengthSettings& settings,
                     const ShapeReader& read_shapes) {
  ShardLengths lengths;
  visit_samples(settings.root, shard, read_shapes, [&](const ShardSample& sample, const SampleShape& shape) {
    const bool whole = shape.is_known() && is_whole(shape, settings);
    const std::uint64_t tokens = whole ? tokens_of(shape, settings) : 0;
    if (whole) ++lengths.report.samples_by_tokens[tokens];
    if (!shape.is_known()) ++lengths.report.unknown;
    if (shape.is_known() && !whole) ++lengths.report.not_whole;
    if (settings.table.empty()) return;
    lengths.table += fmt::format("{},{},{},{},{},{},{}\n", csv_field(shard), csv_field(sample.key),
                                 shape.frames, shape.height, shape.width, tokens, shape.text_rows);
  });
  return lengths;
}

// "UNKNOWN NOT_WHOLE TOKENS SAMPLES TOKENS SAMPLES ...\n" and the lines of the table.
std::string to_text(const ShardLengths& lengths) {
  std::string text = fmt::format("{} {}", lengths.report.unknown, lengths.report.not_whole);
  for (const auto& [tokens, samples] : lengths.report.samples_by_tokens)
    text += fmt::format(" {} {}", tokens, samples);
  return text + "\n" + lengths.table;
}

void add(std::string_view text, LengthReport& report, std::optional<DurableFile>& table) {
  const auto line_end = text.find('\n');
  std::string_view line = text.substr(0, line_end);
  const auto take = [&] {
    std::uint64_t number = 0;
    line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
    const auto end = std::from_chars(line.data(), line.data() + line.size(), number).ptr;
    line.remove_prefix(static_cast<std::size_t>(end - line.data()));
    return number;
  };
  report.unknown += take();
  report.not_whole += take();
  while (!line.empty()) {
    const std::uint64_t tokens = take();
    report.samples_by_tokens[tokens] += take();
  }
  if (table) table->append(text.substr(line_end + 1));
}

}  // namespace

std::uint64_t LengthReport::samples() const {
  std::uint64_t sum = 0;
  for (const auto& [tokens, count] : samples_by_tokens) sum += count;
  return sum;
}

std::uint64_t LengthReport::tokens() const {
  std::uint64_t sum = 0;
  for (const auto& [tokens, count] : samples_by_tokens) sum += tokens * count;
  return sum;
}

std::uint64_t LengthReport::quantile(double share) const {
  const double wanted = share * static_cast<double>(samples());
  std::uint64_t seen = 0;
  for (const auto& [tokens, count] : samples_by_tokens) {
    seen += count;
    if (static_cast<double>(seen) >= wanted) return tokens;
  }
  return 0;
}

// Shards go in rounds of one a rank, so that rank 0 holds the lines of one round at a time.
LengthReport token_lengths(const LengthSettings& settings, const comm::Group& world,
                           const LengthTools& tools) {
  const DatasetInfo info = comm::agreed(world, [&] { return read_dataset_info(settings.root); });
  const auto ranks = static_cast<std::size_t>(world.size());
  Progress progress("Reading lengths", static_cast<std::int64_t>(info.shards.size()), tools.progress);
  LengthReport report;
  std::optional<DurableFile> table;
  comm::agreed(world, [&] {
    if (world.rank() != 0 || settings.table.empty()) return;
    refuse_what_is_no_table(settings.table);
    table.emplace(settings.table);
    table->append(std::string_view(kTableHead));
  });
  for (std::size_t first = 0; first < info.shards.size() && !report.stopped; first += ranks) {
    const std::size_t mine = first + static_cast<std::size_t>(world.rank());
    const std::string text = comm::agreed(world, [&] {
      return mine < info.shards.size() ? to_text(measure(info.shards[mine].name, settings, tools.read_shapes))
                                       : "";
    });
    const auto texts = world.all_gather_text(text);
    comm::agreed(world, [&] {
      if (world.rank() != 0) return;
      for (const std::string& part : texts) {
        if (!part.empty()) add(part, report, table);
      }
    });
    progress.advance(static_cast<std::int64_t>(std::min(ranks, info.shards.size() - first)));
    report.stopped = comm::stop_requested_anywhere(world);
  }
  comm::agreed(world, [&] {
    if (table && !report.stopped) table->commit();
  });
  return report;
}

}  // namespace dfm::data
