// What became of the items of one shard or part of one.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace dfm::prepare {

struct LeftOut {
  std::int64_t item = 0;  // its place in the source
  std::string text;       // "name: why"

  bool operator==(const LeftOut&) const = default;
};

struct ShardRecord {
  std::int64_t samples = 0;
  std::vector<LeftOut> left_out;  // in the order of the source

  bool operator==(const ShardRecord&) const = default;
};

// Of items that follow those of all.
void append(const ShardRecord& record, ShardRecord& all);

std::string to_text(const ShardRecord& record);
ShardRecord shard_record_from_text(const std::string& text, const std::string& what);

}  // namespace dfm::prepare
