// Numbers as people read them.
#pragma once

#include <cstdint>
#include <ctime>
#include <string>
#include <string_view>

namespace dfm {

// 1536 -> "1.5 KiB".
std::string format_bytes(std::uint64_t bytes);

// "256MiB", "5GB" (decimal), "1.5 GiB", "4096" -> bytes. Throws a usage error that begins with `what`.
std::uint64_t parse_bytes(std::string_view text, std::string_view what);

// 3723.4 -> "1 h 2 min"; 12.34 -> "12.3 s".
std::string format_seconds(double seconds);

// 40950336 -> "40,950,336".
std::string format_count(std::int64_t count);
// With its noun: "1 shard", "2,000 shards".
std::string format_count(std::int64_t count, std::string_view noun);

// Of a moment, in UTC: "2001-09-09T01:46:40Z".
std::string format_utc(std::time_t moment);

}  // namespace dfm
