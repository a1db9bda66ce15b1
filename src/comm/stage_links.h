// How neighbouring stages of a pipeline send each other messages: for every direction between two of them a
// group of its own, since messages that devices exchange in a group wait for those before them. Stages are in
// a ring: chunks of layers may go round them several times.
//
//   const StageLinks links(groups.pipeline);
//   start_send(activations, StageLinks::peer(links.to_after), links.to_after);
#pragma once

#include "comm/group.h"

namespace dfm::comm {

class StageLinks {
 public:
  // Collective over the stages, of which there are two or more.
  explicit StageLinks(const Group& stages);

  // The other rank of a group of two.
  static int peer(const Group& link) { return 1 - link.rank(); }

 private:
  // Of this stage with the one before it and the one after it.
  struct Pairs {
    Group before, after;
  };
  StageLinks(Pairs activations, Pairs gradients);
  static Pairs pairs(const Group& stages, const char* role);

 public:
  Group from_before, to_after;  // activations
  Group from_after, to_before;  // gradients
};

}  // namespace dfm::comm
