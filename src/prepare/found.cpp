#include "prepare/found.h"

#include <algorithm>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "comm/agree.h"
#include "core/error.h"
#include "core/hash.h"
#include "core/json.h"

namespace dfm::prepare {
namespace {

std::string to_text(const Found& found) {
  Json parts = Json::array();
  for (const ItemRange& part : found.parts) parts.push_back({part.begin, part.end});
  return Json{{"finished", found.finished}, {"parts", parts}, {"left_out", found.left_out}}.dump();
}

Found found_from_text(const std::string& text) {
  const Json json = parse_json(text, "what rank 0 found");
  Found found{json.at("finished").get<std::vector<bool>>(), {}, json.at("left_out")};
  for (const Json& part : json.at("parts")) found.parts.push_back({part.at(0), part.at(1)});
  return found;
}

// Captions are compared one by one, since some of them may change.
std::string fingerprint_of(const PrepareSettings& settings, const media::Source& source) {
  Json names = Json::array({source.path.native()});
  for (const media::Item& item : source.items) names.push_back(item.name);
  return fmt::format("{}, items {}", settings.fingerprint,
                     hex(hash64(names.dump(-1, ' ', false, Json::error_handler_t::replace))));
}

std::vector<std::uint64_t> caption_hashes(const media::Source& source) {
  std::vector<std::uint64_t> hashes;
  hashes.reserve(source.items.size());
  for (const media::Item& item : source.items) hashes.push_back(item.caption ? hash64(*item.caption) : 0);
  return hashes;
}

void add_left_out(const ShardRecord& record, Found& found) {
  for (const LeftOut& each : record.left_out) found.left_out.push_back(each.item);
}

Found look(const OutputFolder& folder, std::int64_t shards) {
  Found found;
  for (std::int64_t i = 0; i < shards; ++i) {
    const auto record = folder.finished(folder.shard_path(i));
    found.finished.push_back(record.has_value());
    if (record) add_left_out(*record, found);
  }
  found.parts = folder.parts();
  for (const ItemRange& part : found.parts) add_left_out(*folder.finished(folder.part_path(part)), found);
  std::ranges::sort(found.left_out);
  found.left_out.erase(std::unique(found.left_out.begin(), found.left_out.end()), found.left_out.end());
  return found;
}

[[noreturn]] void refuse_caption(const media::Item& item) {
  throw usage_error(fmt::format("the caption of {} is not the one that its sample was made with", item.name),
                    "put it back as it was, or choose another output folder");
}

// A part with an item whose caption was another is not used.
void take_captions(const OutputFolder& folder, const media::Source& source, Found& found) {
  const std::vector<std::uint64_t> now = caption_hashes(source), before = folder.captions(now.size());
  if (now == before) return;
  for (std::size_t i = 0; i < now.size(); ++i) {
    if (now[i] == before[i]) continue;
    const auto item = static_cast<std::int64_t>(i);
    if (!std::ranges::binary_search(found.left_out, item)) refuse_caption(source.items[i]);
    std::erase_if(found.parts, [&](const ItemRange& part) { return part.holds(item); });
  }
  folder.remember_captions(now);
}

}  // namespace

Found look_around(const OutputFolder& folder, const PrepareSettings& settings, const media::Source& source,
                  const comm::Group& world) {
  const auto items = static_cast<std::int64_t>(source.items.size());
  const std::string text = comm::agreed(world, [&] {
    if (world.rank() != 0) return std::string();
    folder.claim(fingerprint_of(settings, source), caption_hashes(source));
    Found found = look(folder, (items + settings.shard_maxcount - 1) / settings.shard_maxcount);
    take_captions(folder, source, found);
    return to_text(found);
  });
  return found_from_text(world.broadcast_text(text, 0));
}

}  // namespace dfm::prepare
