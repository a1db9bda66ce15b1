// The GPU that the tests of this folder use; they are skipped where there is none.
#pragma once

#include <gtest/gtest.h>

#include "nn/device.h"

namespace dfm::test {

// The first GPU, or the CPU where there is none.
const at::Device& gpu();

class OnGpu : public testing::Test {
 protected:
  void SetUp() override {
    if (gpu().is_cpu()) GTEST_SKIP() << "no GPU here";
  }
};

// Queues work of some 20 ms on the current stream, and returns at once: what is queued behind it has not
// happened yet when another stream goes ahead without waiting.
void keep_busy();

// |actual - expected| / |expected| over all elements, in float64; NaN where either is not finite.
double relative_error(const at::Tensor& actual, const at::Tensor& expected);

}  // namespace dfm::test
