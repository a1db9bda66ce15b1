// How much memory there can be, and what says that there was none left.
#include <new>
#include <stdexcept>

#include <gtest/gtest.h>
#include <unistd.h>

#include "core/memory.h"

namespace dfm {
namespace {

TEST(MemoryLimit, IsWhatTheSystemHasAtMost) {
  const auto pages = static_cast<std::uint64_t>(::sysconf(_SC_PHYS_PAGES));
  const auto all = pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  ASSERT_TRUE(memory_limit_bytes());
  EXPECT_GT(*memory_limit_bytes(), 1U << 20U);
  EXPECT_LE(*memory_limit_bytes(), 10 * all);  // swap
}

TEST(LackOfMemory, IsKnownByItsTypeOrItsWords) {
  EXPECT_TRUE(is_lack_of_memory(std::make_exception_ptr(std::bad_alloc())));
  for (const char* const words :
       {"DefaultCPUAllocator: can't allocate memory: you tried", "CUDA out of memory."})
    EXPECT_TRUE(is_lack_of_memory(std::make_exception_ptr(std::runtime_error(words))));
  EXPECT_FALSE(is_lack_of_memory(std::make_exception_ptr(std::runtime_error("a mistake"))));
  EXPECT_FALSE(is_lack_of_memory(std::make_exception_ptr(7)));
}

}  // namespace
}  // namespace dfm
