// How large a slice may be, so that a rank stays below consolidate.max_memory: counted is the resident memory
// of the whole process, the program and its libraries included.
#pragma once

#include <cstdint>

namespace dfm::ckpt {

std::uint64_t resident_bytes();

// Throws a usage error when max_bytes leaves no room beside what is resident now.
std::uint64_t slice_bytes_below(std::uint64_t max_bytes);

}  // namespace dfm::ckpt
