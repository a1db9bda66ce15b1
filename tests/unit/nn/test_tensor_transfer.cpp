// Transfers between devices, played by a counter: each is waited for once, given up or not.
#include <utility>

#include <gtest/gtest.h>

#include "nn/tensor_transfer.h"

namespace dfm::nn {
namespace {

class TensorTransfers : public ::testing::Test {
 protected:
  TensorTransfer begun() {
    return {comm::DeviceChannel::Arrival([this] { ++waits_; }), at::ones({2}), at::ones({2})};
  }
  int waits_ = 0;
};

TEST_F(TensorTransfers, AreWaitedForOnce) {
  {
    TensorTransfer transfer = begun();
    EXPECT_FALSE(transfer.is_finished());
    transfer.wait();
    EXPECT_TRUE(transfer.is_finished());
  }
  EXPECT_EQ(waits_, 1);
}

TEST_F(TensorTransfers, ThatAreGivenUpAreWaitedFor) {
  { const TensorTransfer transfer = begun(); }
  EXPECT_EQ(waits_, 1);
}

TEST_F(TensorTransfers, ThatAreMovedAreWaitedForWhereTheyGo) {
  TensorTransfer target;
  {
    TensorTransfer transfer = begun();
    target = std::move(transfer);
  }
  EXPECT_EQ(waits_, 0);
  target.wait();
  EXPECT_EQ(waits_, 1);
}

}  // namespace
}  // namespace dfm::nn
