// What the files of Group share.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace dfm::comm {

// MPI's counts are ints. Throws when these do not fit.
std::vector<int> to_int_counts(std::span<const std::int64_t> counts, int size);
std::vector<int> begins_of(const std::vector<int>& parts);

// A text that stays when the group is gone: the watchdog's thread may still read it.
const char* immortal(const std::string& role);

}  // namespace dfm::comm
