// .nv-meta/dfm_rows/*.rows: the input is the list of samples in a record that is sound otherwise, and the
// whole of one.
#include <cstring>

#include "core/hash.h"
#include "data/energon/shard_record.h"
#include "fuzz/fuzz.h"

namespace {

using namespace dfm::data;

const std::vector<std::uint64_t> kOffsets{0, 2048, 4096};

// With its checksum mended: otherwise nothing would get past it.
std::string with_checksum(dfm::fuzz::Input input) {
  static constexpr std::size_t kHashed = 16;
  std::string file(dfm::fuzz::text_of(input));
  if (file.size() < kHashed) return file;
  const std::uint64_t hash = dfm::hash64(file.substr(kHashed));
  std::memcpy(file.data() + 8, &hash, sizeof hash);
  return file;
}

}  // namespace

FUZZ_TARGET(rows) {
  const ShardRecord record{{"a.tar", 8192, 1, false}, {}, std::string(dfm::fuzz::text_of(input)), {}};
  for_each_sample(record, kOffsets, [](const ShardSample&, std::uint64_t) {});
}

FUZZ_TARGET(record) {
  const auto& root = dfm::fuzz::folder().path();
  const ShardStamp stamp{"a.tar", 8192, 1, false};
  const auto path = record_path(root, stamp.name);
  std::filesystem::create_directories(path.parent_path());
  const std::string index(reinterpret_cast<const char*>(kOffsets.data()),
                          kOffsets.size() * sizeof kOffsets[0]);
  dfm::fuzz::write_input("a.tar.idx", index);
  dfm::testing::write_file(path, with_checksum(input));
  if (const auto record = read_record(root, stamp))
    for_each_sample(*record, kOffsets, [](const ShardSample&, std::uint64_t) {});
}
