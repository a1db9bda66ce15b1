// Numbers as people read them.
#pragma once

#include <cstdint>
#include <string>

namespace dfm {

// 1536 -> "1.5 KiB".
std::string format_bytes(std::uint64_t bytes);

// 3723.4 -> "1 h 2 min"; 12.34 -> "12.3 s".
std::string format_seconds(double seconds);

// 40950336 -> "40,950,336".
std::string format_count(std::int64_t count);

}  // namespace dfm
