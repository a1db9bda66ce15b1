// Memory of large arrays that are not needed any more, for arrays of the same size: fresh memory would have
// to be cleared by the kernel and by std::vector first, which takes as long as reading the elements.
//
//   Array array = ...; give_back(std::move(array));
//   std::vector<std::byte> bytes = take_buffer(size);    // of any content
//
// Thread-safe, one store a process.
#pragma once

#include <cstddef>
#include <vector>

#include "core/array.h"

namespace dfm::data {

// Keeps 1 GiB at most; what was given back first goes first. Small arrays are freed.
void give_back(Array array);

// A buffer of that size, of any content: what was given back, or a new one.
std::vector<std::byte> take_buffer(std::size_t size_bytes);

}  // namespace dfm::data
