#include "ckpt/export/copied.h"

#include <algorithm>
#include <map>
#include <sstream>

#include <fmt/core.h>

#include "data/zip/crc.h"

namespace dfm::ckpt {

std::vector<Copied> gather_copied(const comm::Group& world, const std::vector<Copied>& mine) {
  std::string text;
  for (const Copied& c : mine) {
    text += fmt::format("{} {} {} {} {}\n", c.place, c.begin, c.count, c.read_crc, c.written_crc);
  }
  std::vector<Copied> all;
  for (const std::string& part : world.all_gather_text(text)) {
    std::istringstream fields(part);
    for (Copied c; fields >> c.place >> c.begin >> c.count >> c.read_crc >> c.written_crc;) all.push_back(c);
  }
  std::ranges::sort(all, {}, [](const Copied& c) { return std::pair(c.place, c.begin); });
  return all;
}

// Pieces of a tensor stand in the plan in the order of its elements.
void require_source_crcs(const Plan& plan, const std::vector<Copied>& all) {
  std::map<const SourceTensor*, std::uint32_t> crcs;
  for (const Copied& c : all) {
    const SourceTensor* const tensor = plan.places[c.place].tensor;
    const auto bytes = static_cast<std::uint64_t>(c.count) * size_of(tensor->dtype);
    auto& crc = crcs.try_emplace(tensor, 0U).first->second;
    crc = data::join_crc32(crc, c.read_crc, bytes);
  }
  for (const auto& [tensor, crc] : crcs) {
    if (tensor->crc32) require_crc(tensor->name, crc, *tensor->crc32);
  }
}

std::vector<std::uint32_t> written_crcs(const Plan& plan, const std::vector<Copied>& all) {
  std::vector<std::uint32_t> crcs(plan.places.size(), 0U);
  for (const Copied& c : all) {
    const auto bytes = static_cast<std::uint64_t>(c.count) * size_of(plan.places[c.place].dtype);
    crcs[c.place] = data::join_crc32(crcs[c.place], c.written_crc, bytes);
  }
  return crcs;
}

}  // namespace dfm::ckpt
