// How much memory the reader of an untrusted file may take: a multiple of the file's own size. A few bytes of
// a file can ask for any amount (a tensor with stride 0, one text used a million times); they pay for it here
// before it is allocated.
#pragma once

#include <cstdint>

namespace dfm::data {

class MemoryBudget {
 public:
  // Eight times the file, and 1 MiB for small files.
  explicit MemoryBudget(std::uint64_t file_bytes);

  // Throws a data error when what was charged since the beginning exceeds the budget.
  void charge(std::uint64_t bytes);

 private:
  std::uint64_t file_bytes_;
  std::uint64_t left_bytes_;
};

}  // namespace dfm::data
