// How much memory a process can have at most, and how to know that there was none left.
#pragma once

#include <cstdint>
#include <exception>
#include <optional>

namespace dfm {

// What the node has, or less where the process's control group (of a Slurm job, a container) is given less;
// swap counts. Empty where the system does not say.
std::optional<std::uint64_t> memory_limit_bytes();

// Whether what was thrown says that memory was not to be had, here or on a GPU.
bool is_lack_of_memory(const std::exception_ptr& failure);

}  // namespace dfm
