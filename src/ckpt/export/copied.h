// What the ranks copied of a plan, and the checksums that come out of it.
#pragma once

#include <cstdint>
#include <vector>

#include "ckpt/export/plan.h"
#include "comm/group.h"

namespace dfm::ckpt {

// What one rank copied of one place, and the CRCs of what it read and of what it wrote.
struct Copied {
  std::size_t place = 0;
  std::int64_t begin = 0, count = 0;
  std::uint32_t read_crc = 0, written_crc = 0;
};

// Collective. What all ranks copied, in the order of places and elements.
std::vector<Copied> gather_copied(const comm::Group& world, const std::vector<Copied>& mine);

// Throws a data error for a tensor whose elements do not have the CRC that its source recorded.
void require_source_crcs(const Plan& plan, const std::vector<Copied>& all);

// The CRC of the elements in each place, as written.
std::vector<std::uint32_t> written_crcs(const Plan& plan, const std::vector<Copied>& all);

}  // namespace dfm::ckpt
