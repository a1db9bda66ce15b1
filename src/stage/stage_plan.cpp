#include "stage/stage_plan.h"

#include <algorithm>
#include <numeric>

#include <nlohmann/json.hpp>

#include "core/json.h"

namespace dfm::stage {
namespace {

// Each file in turn to the one with the fewest bytes so far.
std::vector<std::size_t> deal_by_size(const std::vector<std::uint64_t>& size_bytes, std::size_t parts) {
  std::vector<std::uint64_t> dealt_bytes(parts);
  std::vector<std::size_t> part_of_file;
  for (const std::uint64_t size : size_bytes) {
    const auto part = static_cast<std::size_t>(std::ranges::min_element(dealt_bytes) - dealt_bytes.begin());
    part_of_file.push_back(part);
    dealt_bytes[part] += size;
  }
  return part_of_file;
}

// Files in the order in which a node wants them: those of its own part, then the others.
std::vector<std::size_t> wishes(const std::vector<std::size_t>& part_of_file, std::size_t node) {
  std::vector<std::size_t> order(part_of_file.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_partition(order.begin(), order.end(),
                        [&](std::size_t file) { return part_of_file[file] == node; });
  return order;
}

}  // namespace

StagePlan plan_staging(const std::vector<std::uint64_t>& size_bytes, const std::vector<NodeState>& nodes,
                       std::size_t readers) {
  StagePlan plan;
  const auto part_of_file = deal_by_size(size_bytes, nodes.size());
  for (std::size_t node = 0; node < nodes.size(); ++node) {
    auto& keeps = plan.keeps.emplace_back(size_bytes.size());
    std::uint64_t room = nodes[node].room_bytes, lacking = 0;
    for (const std::size_t file : wishes(part_of_file, node)) {
      if (nodes[node].has[file]) continue;
      keeps[file] = size_bytes[file] <= room;
      if (keeps[file]) room -= size_bytes[file];
      if (!keeps[file]) lacking += size_bytes[file];
    }
    plan.lacking_bytes.push_back(lacking);
  }
  const std::size_t reading = std::min(readers, nodes.size());
  const auto reader_of_file = deal_by_size(size_bytes, reading);
  std::vector<std::size_t> next_batch(reading);
  for (std::size_t file = 0; file < size_bytes.size(); ++file) {
    const bool is_kept = std::ranges::any_of(plan.keeps, [&](const auto& keeps) { return keeps[file]; });
    if (!is_kept) continue;
    const std::size_t batch = next_batch[reader_of_file[file]]++;
    if (batch == plan.batches.size()) plan.batches.emplace_back();
    plan.batches[batch].push_back({file, static_cast<int>(reader_of_file[file])});
  }
  return plan;
}

std::string to_text(const NodeState& state) {
  std::string text;
  Json::to_cbor(Json::array({state.room_bytes, state.has}), text);
  return text;
}

NodeState node_state_from_text(const std::string& text) {
  const Json json = Json::from_cbor(text);
  return {json.at(0).get<std::uint64_t>(), json.at(1).get<std::vector<bool>>()};
}

}  // namespace dfm::stage
