#include "prepare/work_plan.h"

#include <algorithm>

namespace dfm::prepare {
namespace {

bool comes_first(const ItemRange& a, const ItemRange& b) {
  return a.begin != b.begin ? a.begin < b.begin : a.end > b.end;
}

// The shard's items as parts: those that are there, and blocks for the gaps.
ShardPlan plan_shard(std::int64_t shard, ItemRange items, std::int64_t block,
                     const std::vector<ItemRange>& parts) {
  ShardPlan plan{shard, {}, {}};
  auto next = std::ranges::lower_bound(parts, ItemRange{items.begin, items.end}, comes_first);
  for (std::int64_t at = items.begin; at < items.end; at = plan.parts.back().end) {
    while (next != parts.end() && (next->begin < at || next->end > items.end) && next->begin < items.end)
      ++next;
    const bool is_there = next != parts.end() && next->begin == at && next->end <= items.end;
    if (is_there) {
      plan.parts.push_back(*next++);
      continue;
    }
    const std::int64_t gap_end = next == parts.end() ? items.end : std::min(next->begin, items.end);
    plan.missing.push_back(plan.parts.size());
    plan.parts.push_back({at, std::min(at + block, gap_end)});
  }
  return plan;
}

}  // namespace

WorkPlan plan_work(const WorkSize& size, const std::vector<bool>& finished, std::vector<ItemRange> parts) {
  std::erase_if(parts, [](const ItemRange& part) { return part.begin < 0 || part.end <= part.begin; });
  std::ranges::sort(parts, comes_first);
  WorkPlan plan;
  for (std::size_t shard = 0; shard < finished.size(); ++shard) {
    if (finished[shard]) continue;
    const std::int64_t begin = static_cast<std::int64_t>(shard) * size.items_in_shard;
    const ItemRange items{begin, std::min(begin + size.items_in_shard, size.items)};
    plan.shards.push_back(plan_shard(static_cast<std::int64_t>(shard), items, size.items_in_block, parts));
    const std::size_t index = plan.shards.size() - 1;
    for (const std::size_t part : plan.shards.back().missing) {
      plan.tickets.push_back({index, part});
      plan.items += plan.shards.back().parts[part].end - plan.shards.back().parts[part].begin;
    }
    if (plan.shards.back().missing.empty()) plan.tickets.push_back({index});
  }
  return plan;
}

}  // namespace dfm::prepare
