// NAME.tar.idx: the first eight bytes stand for the size of the shard.
#include <cstring>

#include "core/error.h"
#include "data/energon/tar_index.h"
#include "fuzz/fuzz.h"

FUZZ_TARGET(idx) {
  using namespace dfm::data;
  std::uint64_t shard_bytes = 0;
  if (input.size() >= sizeof shard_bytes) std::memcpy(&shard_bytes, input.data(), sizeof shard_bytes);
  dfm::fuzz::write_input("a.tar.idx", dfm::fuzz::text_of(input));
  const auto shard = dfm::fuzz::folder() / "a.tar";
  read_tar_index_summary(shard);
  const auto offsets = read_tar_index(shard, shard_bytes);
  dfm::ensure(offsets.back() <= shard_bytes, "an index ends inside its shard");
}
