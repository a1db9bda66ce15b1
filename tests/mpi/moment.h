// What a rank has moved and waited for so far: two moments tell what was under way between them.
#pragma once

#include <cstdint>

#include "comm/group.h"
#include "core/activity.h"

namespace dfm::testing {

struct Moment {
  explicit Moment(const comm::Group& group)
      : moved_bytes(group.traffic().all_gather_bytes + group.traffic().reduce_scatter_bytes +
                    group.traffic().all_to_all_bytes),
        waits(activity::now().progress) {}
  std::uint64_t moved_bytes, waits;
};

}  // namespace dfm::testing
