// The content of a tar member as the program that packed it saw it: holes of a sparse file filled with zeros.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "data/tar/tar_scanner.h"

namespace dfm::data {

// archive: bytes of the archive that begin at first_offset in it. Throws a data error when the content does
// not lie inside, or when a sparse file is larger than 1 GiB and 16 times what is stored of it.
std::vector<std::byte> content_of(const TarMember& member, std::span<const std::byte> archive,
                                  std::uint64_t first_offset);

}  // namespace dfm::data
