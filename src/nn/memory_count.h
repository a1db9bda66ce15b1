// Counts the bytes of the tensors that this thread allocates while it lives: what a pass keeps, and its peak.
//
//   const MemoryCount count;
//   ... a forward pass ...
//   count.current();   // what is still there
//   count.peak();      // the most there was
#pragma once

#include <cstdint>
#include <memory>

#include "nn/torch_header.h"

namespace dfm::nn {

class MemoryCount {
 public:
  MemoryCount();
  ~MemoryCount();
  MemoryCount(const MemoryCount&) = delete;
  MemoryCount& operator=(const MemoryCount&) = delete;

  std::int64_t current() const;
  std::int64_t peak() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace dfm::nn
