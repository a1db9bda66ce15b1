#include "data/energon/shard_summary.h"

#include <nlohmann/json.hpp>

#include "core/json.h"

namespace dfm::data {
namespace {

// Bytes that are not UTF-8 (a file's extension may hold any) become replacement characters.
std::string dump(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

}  // namespace

std::string to_text(const ShardSummary& summary) {
  Json widths = Json::array();
  for (const TextWidth& width : summary.text_widths) widths.push_back({width.width, width.sample});
  return dump(Json{{"skip_reason", summary.skip_reason},
                   {"samples", summary.samples},
                   {"end_offset", summary.end_offset},
                   {"lost_bytes", summary.lost_bytes},
                   {"extensions", summary.extensions},
                   {"warnings", summary.warnings},
                   {"samples_with_tensors", summary.samples_with_tensors},
                   {"samples_without_shape", summary.samples_without_shape},
                   {"unreadable", summary.unreadable},
                   {"text_widths", widths},
                   {"rows_hash", summary.rows_hash},
                   {"media_rows", summary.media_rows},
                   {"media_unread", summary.media_unread},
                   {"first_unread_media", summary.first_unread_media},
                   {"samples_hash", summary.samples_hash}});
}

ShardSummary shard_summary_from_text(const std::string& text) {
  const Json json = parse_json(text, "summary of a shard");
  ShardSummary summary;
  json.at("skip_reason").get_to(summary.skip_reason);
  json.at("samples").get_to(summary.samples);
  json.at("end_offset").get_to(summary.end_offset);
  json.at("lost_bytes").get_to(summary.lost_bytes);
  json.at("extensions").get_to(summary.extensions);
  json.at("warnings").get_to(summary.warnings);
  json.at("samples_with_tensors").get_to(summary.samples_with_tensors);
  json.at("samples_without_shape").get_to(summary.samples_without_shape);
  json.at("unreadable").get_to(summary.unreadable);
  json.at("rows_hash").get_to(summary.rows_hash);
  json.at("samples_hash").get_to(summary.samples_hash);
  json.at("media_rows").get_to(summary.media_rows);
  json.at("media_unread").get_to(summary.media_unread);
  json.at("first_unread_media").get_to(summary.first_unread_media);
  for (const Json& width : json.at("text_widths")) {
    summary.text_widths.push_back({width.at(0).get<std::uint32_t>(), width.at(1).get<std::string>()});
  }
  return summary;
}

}  // namespace dfm::data
