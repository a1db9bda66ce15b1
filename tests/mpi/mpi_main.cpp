// Runs the tests of one program on every rank; a failure on any rank fails the program. Only rank 0 prints
// passes.
#include <gtest/gtest.h>

#include "comm/group.h"
#include "comm/mpi.h"

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  const dfm::comm::MpiRuntime mpi(&argc, &argv);
  const auto world = dfm::comm::Group::world();
  if (world.rank() != 0) {
    auto& listeners = ::testing::UnitTest::GetInstance()->listeners();
    delete listeners.Release(listeners.default_result_printer());
  }
  std::int64_t failed = RUN_ALL_TESTS();
  world.all_reduce_sum(std::span(&failed, 1));
  return failed == 0 ? 0 : 1;
}
