// One run at a time in a folder of checkpoints. Two that are submitted by mistake would write over each
// other's steps, and the older one would end over a file that the younger one has taken away.
//
//   const SoleRun sole(world, folder);   // waits for one that is just ending; throws where it goes on
#pragma once

#include <filesystem>

#include "comm/group.h"

namespace dfm::train {

class SoleRun {
 public:
  // Collective. Rank 0 takes a lock that the kernel gives back however the process ends. Where the file
  // system has no locks, the run goes on without.
  SoleRun(const comm::Group& world, const std::filesystem::path& folder);
  SoleRun(const SoleRun&) = delete;
  SoleRun& operator=(const SoleRun&) = delete;
  ~SoleRun();

 private:
  bool try_to_take();
  void note_holder() const;

  std::filesystem::path path_;
  int descriptor_ = -1;
};

}  // namespace dfm::train
