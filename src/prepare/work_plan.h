// What remains to be made, in pieces that are handed out to the ranks one at a time: a pure function of what
// is there, the same on every rank.
//
// A shard is made of parts, consecutive items each; a shard of one part is written as such. Parts of an
// interrupted run count, whatever number of ranks made them: the gaps between them are cut into blocks. Items
// that could not be used are parts of their own when they are tried again.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace dfm::prepare {

// Items [begin, end) of the source.
struct ItemRange {
  std::int64_t begin = 0, end = 0;

  bool holds(std::int64_t item) const { return begin <= item && item < end; }
  bool operator==(const ItemRange&) const = default;
};

enum class Making {
  whole,   // its one part is the shard
  joined,  // it consists of the parts
  mended,  // it is there, and the parts are items that it had left out
};

struct ShardPlan {
  std::int64_t shard = 0;
  Making making = Making::joined;
  std::vector<ItemRange> parts;      // in order
  std::vector<std::size_t> missing;  // indices of those that must be made
};

// A piece of work: a part to be made; or, where all are there, the shard to be put together.
struct Ticket {
  static constexpr std::size_t kNoPart = ~std::size_t{0};
  std::size_t plan = 0;  // index of the shard's plan
  std::size_t part = kNoPart;
};

struct WorkPlan {
  std::vector<ShardPlan> shards;  // that are not finished
  std::vector<Ticket> tickets;    // in the order of their items
  std::int64_t items = 0;         // to be made
};

struct WorkSize {
  std::int64_t items = 0;
  std::int64_t items_in_shard = 1;
  std::int64_t items_in_block = 1;
};

// finished: by shard. parts: what interrupted runs left, in any order; what does not fit is not used.
WorkPlan plan_work(const WorkSize& size, const std::vector<bool>& finished, std::vector<ItemRange> parts);

// Items that finished shards had left out, in order.
WorkPlan plan_second_try(const WorkSize& size, const std::vector<std::int64_t>& left_out);

}  // namespace dfm::prepare
