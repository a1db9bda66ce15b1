#include "prepare/shard_record.h"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/json.h"

namespace dfm::prepare {

void append(const ShardRecord& record, ShardRecord& all) {
  all.samples += record.samples;
  all.left_out.insert(all.left_out.end(), record.left_out.begin(), record.left_out.end());
}

std::string to_text(const ShardRecord& record) {
  Json left_out = Json::array();
  for (const LeftOut& each : record.left_out) left_out.push_back({each.item, each.text});
  return Json{{"samples", record.samples}, {"left_out", left_out}}.dump();
}

ShardRecord shard_record_from_text(const std::string& text, const std::string& what) {
  try {
    const Json json = parse_json(text, what);
    ShardRecord record{json.at("samples"), {}};
    for (const Json& each : json.at("left_out")) record.left_out.push_back({each.at(0), each.at(1)});
    return record;
  } catch (const nlohmann::json::exception& error) {
    throw data_error(fmt::format("{} is damaged: {}", what, error.what()),
                     "remove it to have its shard made again");
  }
}

}  // namespace dfm::prepare
