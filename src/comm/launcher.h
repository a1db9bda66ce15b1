// What the environment tells of the launcher of this process, before MPI is up.
#pragma once

#include <cstdint>
#include <optional>

namespace dfm::comm {

// This process's rank among those that were launched together; none: nobody launched it as one of several.
std::optional<std::int64_t> launched_rank();

// For a process that nobody launched, which is alone: lets Open MPI leave out the daemon that it starts
// beside such a process, and the search for a network. What the environment asks for goes before.
void prepare_to_be_alone();

}  // namespace dfm::comm
