// A sample as it lies in its shard: undecoded files under one key. Their contents are read when they are
// asked for: a large tensor goes straight from the file into its array.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/file.h"
#include "data/tensor/byte_range.h"

namespace dfm::data {

struct RawPart {
  std::string extension;  // what follows the first dot behind the key
  ByteRange content;
};

struct RawSample {
  std::string key;
  std::vector<RawPart> parts;  // in file order; of several with one extension, the last

  // Null when there is no such part.
  const RawPart* find(std::string_view extension) const;
};

// The sample in the bytes in memory that begin at first_offset of an archive: all of them from one entry of
// the index to the next. The parts refer to the bytes. Throws a data error where they are not whole tar
// members of one sample.
RawSample parse_sample(const ByteRange& bytes, std::uint64_t first_offset);

// The sample in [begin, end) of a shard. Small ones are read at once; of large ones only the headers are, and
// the parts refer to the file, which they keep open.
RawSample read_raw_sample(const std::shared_ptr<const File>& shard, std::uint64_t begin, std::uint64_t end);

}  // namespace dfm::data
