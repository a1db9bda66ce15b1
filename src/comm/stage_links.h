// How neighbouring stages of a pipeline send each other messages: for every direction between two of them a
// group of its own, since messages that devices exchange in a group wait for those before them. Stages are in
// a ring: chunks of layers may go round them several times.
//
//   const StageLinks links = link_stages(groups.pipeline);
//   nn::raw::start_send(activations, links.to_after);
#pragma once

#include "comm/group.h"

namespace dfm::comm {

// Groups of this stage and another one.
struct StageLinks {
  Group from_before, to_after;  // activations
  Group from_after, to_before;  // gradients
};

// Collective over the stages, of which there are two or more.
StageLinks link_stages(const Group& stages);

// The other rank of a link.
inline int peer(const Group& link) { return 1 - link.rank(); }

}  // namespace dfm::comm
