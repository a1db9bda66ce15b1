// A sample as it lies in its shard: undecoded files under one key.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace dfm::data {

struct RawPart {
  std::string extension;  // what follows the first dot behind the key
  std::vector<std::byte> bytes;
};

struct RawSample {
  std::string key;
  std::vector<RawPart> parts;  // in file order; of several with one extension, the last

  // Null when there is no such part.
  const RawPart* find(std::string_view extension) const;
};

// The sample in the bytes of an archive that begin at first_offset in it: all of them from one entry of the
// index to the next. Throws a data error where they are not whole tar members of one sample.
RawSample parse_sample(std::span<const std::byte> archive, std::uint64_t first_offset);

}  // namespace dfm::data
