#include "data/energon/shard_scan.h"

#include <array>
#include <cstring>
#include <utility>

#include <fmt/core.h>

#include "core/error.h"
#include "data/energon/sample_key.h"

namespace dfm::data {
namespace {

constexpr std::size_t kMostExtensions = 50;
constexpr std::size_t kMostFirstKeys = 3;

// Gathers members with one key into a sample. Members that do not count never come here and so do not divide
// a sample.
class SampleCollector {
 public:
  explicit SampleCollector(const std::function<void(const ShardSample&)>& visit) : visit_(visit) {}

  void add(const SampleName& name, const TarMember& member) {
    if (scan_.offsets.empty() || sample_.key != name.key) {
      finish_sample();
      scan_.offsets.push_back(member.member_offset);
      sample_.key = name.key;
      if (scan_.first_keys.size() < kMostFirstKeys) scan_.first_keys.push_back(sample_.key);
      sample_.offset = member.member_offset;
    }
    sample_.parts.push_back(
        {std::string(name.extension), member.content_offset, member.content_size, member.is_sparse});
    if (scan_.extensions.size() < kMostExtensions) scan_.extensions.emplace(name.extension);
  }

  ShardScan finish(std::uint64_t end_offset) {
    finish_sample();
    if (scan_.offsets.empty())
      throw data_error("it has no samples", "a sample is a set of files KEY.EXTENSION");
    scan_.offsets.push_back(end_offset);
    return std::move(scan_);
  }

 private:
  void finish_sample() {
    if (!scan_.offsets.empty()) visit_(sample_);
    sample_.parts.clear();
  }

  const std::function<void(const ShardSample&)>& visit_;
  ShardSample sample_;
  ShardScan scan_;
};

// Says so where a file is no tar archive because it is a compressed one.
void refuse_compressed(const File& shard) {
  struct Format {
    const char* name;
    std::string_view magic;
  };
  static constexpr std::array<Format, 4> kFormats{{{"gzip", "\x1f\x8b"},
                                                   {"bzip2", "BZh"},
                                                   {"xz",
                                                    {"\xfd"
                                                     "7zXZ\0",
                                                     6}},
                                                   {"zstd", "\x28\xb5\x2f\xfd"}}};
  std::array<std::byte, kTarBlockBytes> begin{};
  shard.read_up_to(begin, 0);
  if (parse_tar_block(begin).kind == TarBlockKind::header) return;  // whose name may look like anything
  for (const Format& format : kFormats) {
    if (std::memcmp(begin.data(), format.magic.data(), format.magic.size()) != 0) continue;
    throw data_error(fmt::format("it is compressed ({})", format.name),
                     "samples of a compressed archive cannot be read one by one: unpack it to a plain .tar");
  }
}

// Notes what the walk left behind. The reference passes over all of it in silence.
void note_stop(TarScanner& scanner, std::uint64_t size_bytes, ShardScan& scan) {
  const std::uint64_t end = scanner.offset(), rest = size_bytes - end, samples = scan.sample_count();
  const TarStop stop = scanner.stop();
  if (stop == TarStop::bad_header) {
    scan.lost_bytes = rest;
    scan.warnings.push_back(
        fmt::format("the header at byte {} is damaged: the {} samples before it are indexed, the {} bytes "
                    "from there on are lost",
                    end, samples, rest));
  } else if (stop == TarStop::cut_header || stop == TarStop::end_of_file) {
    scan.warnings.push_back(
        fmt::format("it ends at byte {} without an end mark and may be cut short: {} samples are indexed",
                    size_bytes, samples));
  } else if (scanner.has_data_after_end()) {
    scan.lost_bytes = rest;
    scan.warnings.push_back(
        fmt::format("the {} samples before the end mark at byte {} are indexed, the {} bytes behind it are "
                    "lost: are these archives put one behind the other?",
                    samples, end, rest));
  }
}

}  // namespace

ShardScan scan_shard(const File& shard, const std::function<void(const ShardSample&)>& visit) {
  refuse_compressed(shard);
  SampleCollector collector(visit);
  TarScanner scanner{TarSource(shard)};
  while (const auto member = scanner.next()) {
    if (!member->is_regular) continue;
    if (const auto name = split_member_name(member->name)) collector.add(*name, *member);
  }
  ShardScan scan = collector.finish(scanner.offset());
  note_stop(scanner, shard.size(), scan);
  return scan;
}

}  // namespace dfm::data
