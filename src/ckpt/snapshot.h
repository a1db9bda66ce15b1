// A copy of the pieces in host memory, from which a checkpoint is written while training goes on. The memory
// is kept from one save to the next: a rank that saves asynchronously needs room for its own state twice.
#pragma once

#include <cstdlib>
#include <memory>
#include <span>
#include <vector>

#include "ckpt/pieces.h"

namespace dfm::ckpt {

class Snapshot {
 public:
  // Copies the values; the pieces returned show the copy, until the next call.
  std::vector<Piece> take(const std::vector<Piece>& pieces);
  // Copies distant values alone; the other pieces show what they did.
  std::vector<Piece> brought_here(const std::vector<Piece>& pieces);

 private:
  struct Free {
    void operator()(float* memory) const { std::free(memory); }
  };

  template <class Which>
  std::vector<Piece> copies_of(const std::vector<Piece>& pieces, const Which& which);
  void reserve(std::size_t count);

  std::unique_ptr<float, Free> memory_;
  std::size_t capacity_ = 0;
};

}  // namespace dfm::ckpt
