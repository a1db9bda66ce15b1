// Reads pickles of plain values and arrays without ever executing anything of them: a small interpreter of
// the format with a fixed table of permitted names, and limits that a hostile file meets (spec/energon.md
// section 8.2).
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "data/pickle/pickle_value.h"

namespace dfm::data {

// One pickle, protocol 2 to 5, written by pickle.dumps: plain values, numpy arrays and scalars (which become
// arrays of shape
// []), torch tensors. Data errors begin with `what`, and say at which byte: a name that is not permitted
// ("os.system is not allowed: ..."), a cut or damaged file, a value that refers to itself, more than 2^20
// values, nesting deeper than 64, arrays that would take more than eight times the file (and 1 MiB).
PickleValue read_pickle(std::span<const std::byte> bytes, std::string_view what);

}  // namespace dfm::data
