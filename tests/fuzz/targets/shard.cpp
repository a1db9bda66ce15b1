// What dfm_index does with a shard: samples and where their parts lie.
#include "core/error.h"
#include "core/file.h"
#include "data/energon/shard_scan.h"
#include "fuzz/fuzz.h"

FUZZ_TARGET(shard) {
  using namespace dfm::data;
  const auto file = dfm::File::open_to_read(dfm::fuzz::write_input("shard.tar", dfm::fuzz::text_of(input)));
  const ShardScan scan = scan_shard(file, [&](const ShardSample& sample) {
    for (const SamplePart& part : sample.parts)
      dfm::ensure(part.content_offset <= input.size(), "a part begins inside the archive");
  });
  dfm::ensure(scan.offsets.back() <= input.size(), "the end of the samples is inside the archive");
}
