// Transfers between devices, played by a counter: each is waited for once, given up or not.
#include <utility>

#include <gtest/gtest.h>

#include "nn/tensor_transfer.h"

namespace dfm::nn {
namespace {

class TensorTransfers : public ::testing::Test {
 protected:
  TensorTransfer begun() {
    return {{[this] { ++waits_; }, [this] { return is_over_; }}, at::ones({2}), at::ones({2})};
  }
  int waits_ = 0;
  bool is_over_ = false;
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

TEST_F(TensorTransfers, AreFinishedWhenTheDeviceSaysSo) {
  TensorTransfer transfer = begun();
  EXPECT_FALSE(transfer.is_finished());
  is_over_ = true;
  EXPECT_TRUE(transfer.is_finished());
  EXPECT_EQ(waits_, 0);
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
