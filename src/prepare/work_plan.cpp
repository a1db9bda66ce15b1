#include "prepare/work_plan.h"

#include <algorithm>
#include <utility>

namespace dfm::prepare {
namespace {

bool comes_first(const ItemRange& a, const ItemRange& b) {
  return a.begin != b.begin ? a.begin < b.begin : a.end > b.end;
}

// The shard's items as parts: those that are there, and blocks for the gaps.
ShardPlan plan_shard(std::int64_t shard, ItemRange items, std::int64_t block,
                     const std::vector<ItemRange>& parts) {
  ShardPlan plan{shard, Making::joined, {}, {}};
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
  if (plan.parts.size() == 1 && !plan.missing.empty()) plan.making = Making::whole;
  return plan;
}

void hand_out(ShardPlan shard, WorkPlan& plan) {
  const std::size_t index = plan.shards.size();
  for (const std::size_t part : shard.missing) {
    plan.tickets.push_back({index, part});
    plan.items += shard.parts[part].end - shard.parts[part].begin;
  }
  if (shard.missing.empty()) plan.tickets.push_back({index});
  plan.shards.push_back(std::move(shard));
}

// Whether the block may grow by the item that follows it.
bool continues(const ShardPlan& shard, std::int64_t item, std::int64_t most) {
  if (shard.parts.empty() || shard.parts.back().end != item) return false;
  return shard.parts.back().end - shard.parts.back().begin < most;
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
    hand_out(plan_shard(static_cast<std::int64_t>(shard), items, size.items_in_block, parts), plan);
  }
  return plan;
}

WorkPlan plan_second_try(const WorkSize& size, const std::vector<std::int64_t>& left_out) {
  std::vector<ShardPlan> shards;
  for (const std::int64_t item : left_out) {
    const std::int64_t number = item / size.items_in_shard;
    if (shards.empty() || shards.back().shard != number) shards.push_back({number, Making::mended, {}, {}});
    ShardPlan& shard = shards.back();
    if (continues(shard, item, size.items_in_block)) {
      ++shard.parts.back().end;
      continue;
    }
    shard.missing.push_back(shard.parts.size());
    shard.parts.push_back({item, item + 1});
  }
  WorkPlan plan;
  for (ShardPlan& shard : shards) hand_out(std::move(shard), plan);
  return plan;
}

}  // namespace dfm::prepare
