// A shard: its headers, the content of its members, its samples.
#include "core/error.h"
#include "data/energon/raw_sample.h"
#include "data/tar/tar_content.h"
#include "data/tar/tar_scanner.h"
#include "fuzz/fuzz.h"

FUZZ_TARGET(tar) {
  using namespace dfm::data;
  dfm::fuzz::run([](dfm::fuzz::Input bytes) { parse_sample(ByteRange::of(bytes), 0); }, input);
  TarScanner scanner{TarSource(input, 0)};
  while (const auto member = scanner.next()) {
    dfm::ensure(member->next_offset > member->member_offset, "the walk goes on");
    if (member->is_regular && member->content_size < (1U << 20U)) content_of(*member, input, 0);
  }
  scanner.has_data_after_end();
}
