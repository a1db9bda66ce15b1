// Where parameters lie, how they start, and that neither depends on anything but name, seed and element.
#include <cmath>
#include <random>

#include <gtest/gtest.h>

#include "core/error.h"
#include "nn/linear.h"
#include "nn/parameter.h"
#include "support/tensors.h"

namespace dfm::nn {
namespace {

Parameter parameter(const std::string& name, const Shape& shape, const Init& init) {
  return {name, {shape}, init, {}};
}

std::vector<float> range_of(const Parameter& which, std::uint64_t seed, std::int64_t first,
                            std::int64_t count) {
  std::vector<float> values(static_cast<std::size_t>(count));
  initial_values(which, seed, first, values);
  return values;
}

struct Moments {
  double mean = 0, deviation = 0, kurtosis = 0;
};

Moments moments_of(const std::vector<float>& values) {
  const auto n = static_cast<double>(values.size());
  Moments moments;
  for (const float x : values) moments.mean += x / n;
  double fourth = 0;
  for (const float x : values) {
    const double square = (x - moments.mean) * (x - moments.mean);
    moments.deviation += square / n;
    fourth += square * square / n;
  }
  moments.kurtosis = fourth / (moments.deviation * moments.deviation);
  moments.deviation = std::sqrt(moments.deviation);
  return moments;
}

constexpr std::int64_t kMany = 200000;

TEST(Init, NormalHasItsDeviationAndTheShapeOfABell) {
  const Moments moments = moments_of(range_of(parameter("w", {kMany}, Init::normal(0.02)), 1, 0, kMany));
  EXPECT_NEAR(moments.mean, 0, 5 * 0.02 / std::sqrt(kMany));
  EXPECT_NEAR(moments.deviation, 0.02, 0.02 * 0.01);
  EXPECT_NEAR(moments.kurtosis, 3, 0.1);
}

TEST(Init, LinearDefaultIsUniformWithinOneOverTheRootOfTheInputs) {
  const double bound = 1 / std::sqrt(384.0);
  const auto values = range_of(parameter("w", {kMany}, Init::linear_default(384)), 1, 0, kMany);
  const Moments moments = moments_of(values);
  EXPECT_NEAR(moments.mean, 0, 5 * bound / std::sqrt(3.0 * kMany));
  EXPECT_NEAR(moments.deviation, bound / std::sqrt(3.0), bound * 0.01);
  EXPECT_NEAR(moments.kurtosis, 1.8, 0.02);
  for (const float x : values) EXPECT_LE(std::abs(x), bound);
}

TEST(Init, OnesAndZerosAreExact) {
  EXPECT_EQ(range_of(parameter("w", {4}, Init::ones()), 9, 1, 3), std::vector<float>(3, 1.0F));
  EXPECT_EQ(range_of(parameter("w", {4}, Init::zeros()), 9, 1, 3), std::vector<float>(3, 0.0F));
}

TEST(InitialValues, OfAnyRangeAreThatRangeOfTheWhole) {
  std::mt19937 engine(testing::announced_seed());
  for (const Init& init : {Init::normal(0.02), Init::linear_default(10)}) {
    const Parameter which = parameter("decoder.layers.3.mlp.linear_fc1.weight", {37, 27}, init);
    const auto whole = range_of(which, 1234, 0, 999);
    for (int i = 0; i < 50; ++i) {
      const auto first = std::uniform_int_distribution<std::int64_t>(0, 998)(engine);
      const auto count = std::uniform_int_distribution<std::int64_t>(0, 999 - first)(engine);
      EXPECT_EQ(range_of(which, 1234, first, count),
                std::vector<float>(whole.begin() + first, whole.begin() + first + count))
          << first << " + " << count;
    }
  }
}

TEST(InitialValues, DependOnNameAndSeed) {
  const auto values = range_of(parameter("a.weight", {64}, Init::normal(1)), 1, 0, 64);
  EXPECT_EQ(values, range_of(parameter("a.weight", {8, 8}, Init::normal(1)), 1, 0, 64));
  EXPECT_NE(values, range_of(parameter("b.weight", {64}, Init::normal(1)), 1, 0, 64));
  EXPECT_NE(values, range_of(parameter("a.weight", {64}, Init::normal(1)), 2, 0, 64));
}

TEST(InitialValues, OfAStripeAreThoseOfTheWhole) {
  Parameter cut = parameter("w", {6, 10}, Init::normal(1));
  const auto whole = range_of(cut, 5, 0, 60);
  cut.placement.cut = Cut{{6, 3}, {10, 4, 3}};
  EXPECT_EQ(cut.count(), 18);
  EXPECT_EQ(cut.global_count(), 60);
  const auto ours = range_of(cut, 5, 2, 16);
  for (std::int64_t i = 0; i < 16; ++i) {
    EXPECT_EQ(ours[static_cast<std::size_t>(i)],
              whole[static_cast<std::size_t>(cut.placement.stripe().global(i + 2))]);
  }
}

TEST(ParameterList, PutsWhatIsReducedAlikeSideBySide) {
  ParameterList list;
  list.declare("a", {.global_shape = {4}, .cut = Cut{{2}, {4, 0, 2}}}, Init::ones());
  list.declare("b", {.global_shape = {3}, .partial_over_tensor = true}, Init::ones());
  list.declare("c", {.global_shape = {4}, .cut = Cut{{2}, {4, 2, 2}}}, Init::ones());
  list.declare("d", {.global_shape = {3}, .partial_over_tensor = true}, Init::ones());
  list.materialize(at::kFloat);
  std::string order;
  for (const Parameter& each : list.all()) order += each.name;
  EXPECT_EQ(order, "bdac");
  EXPECT_EQ(list.find("c").value.numel(), 2);
  EXPECT_EQ(list.total_count(), 14);
}

TEST(ParameterList, IsNotAllocatedUntilMaterialized) {
  ParameterList list;
  const at::Tensor weight = Scope(list, "huge").declare("weight", {1 << 20, 1 << 20}, Init::zeros());
  EXPECT_EQ(list.total_count(), std::int64_t{1} << 40);
  EXPECT_EQ(weight.numel(), 0);
  EXPECT_FALSE(list.buffer().defined());
}

class Materialized : public ::testing::Test {
 protected:
  ParameterList list_;
  at::Tensor a_ = Scope(list_).declare("a", {3, 5}, Init::normal(1));
  at::Tensor b_ = Scope(list_, "x").child("y").declare("b", {32}, Init::ones());
  at::Tensor c_ = Scope(list_, "x").declare("c", {7}, Init::linear_default(7));
};

TEST_F(Materialized, HandlesOfTheModulesAreTheValues) {
  list_.materialize(at::kFloat);
  EXPECT_EQ(a_.sizes(), at::IntArrayRef({3, 5}));
  EXPECT_EQ(a_.const_data_ptr(), list_.find("a").value.const_data_ptr());
  EXPECT_TRUE(a_.requires_grad());
  EXPECT_TRUE(a_.is_leaf());
}

TEST_F(Materialized, ValuesLieInOneBufferEachAtAMultipleOf32Elements) {
  list_.materialize(at::kBFloat16);
  EXPECT_EQ(list_.buffer().numel(), 32 + 32 + 32);
  EXPECT_EQ(list_.total_count(), 15 + 32 + 7);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(list_.offset(i), 32 * static_cast<std::int64_t>(i));
    EXPECT_EQ(list_.all()[i].value.const_data_ptr(),
              list_.buffer().narrow(0, list_.offset(i), 1).const_data_ptr());
  }
}

TEST_F(Materialized, PaddingStaysZero) {
  list_.materialize(at::kFloat);
  list_.initialize(1);
  EXPECT_EQ(list_.buffer().narrow(0, 15, 17).abs().sum().item<double>(), 0);
  EXPECT_EQ(list_.buffer().narrow(0, 71, 25).abs().sum().item<double>(), 0);
}

TEST_F(Materialized, NamesAreDotted) {
  EXPECT_EQ(list_.all()[0].name, "a");
  EXPECT_EQ(list_.all()[1].name, "x.y.b");
  EXPECT_EQ(list_.all()[2].name, "x.c");
}

TEST_F(Materialized, OnlyMatricesDecay) {
  EXPECT_TRUE(list_.find("a").decays());
  EXPECT_FALSE(list_.find("x.y.b").decays());
}

TEST_F(Materialized, AnUnknownNameIsAnError) { EXPECT_THROW(list_.find("x.d"), Error); }

TEST_F(Materialized, NothingIsDeclaredAfterwards) {
  list_.materialize(at::kFloat);
  EXPECT_THROW(Scope(list_).declare("late", {1}, Init::zeros()), Error);
}

TEST_F(Materialized, TheSameNameIsNotDeclaredTwice) {
  EXPECT_THROW(Scope(list_, "x").declare("c", {8}, Init::zeros()), Error);
}

TEST_F(Materialized, InitializingFillsInTheInitialValues) {
  list_.materialize(at::kFloat);
  list_.initialize(77);
  for (const Parameter& each : list_.all()) {
    const auto expected = range_of(each, 77, 0, each.count());
    EXPECT_TRUE(at::equal(each.value.detach().flatten(), at::tensor(expected))) << each.name;
  }
}

TEST_F(Materialized, Bfloat16ValuesAreTheRoundedOnes) {
  list_.materialize(at::kBFloat16);
  list_.initialize(77);
  const at::Tensor exact = at::tensor(range_of(list_.find("a"), 77, 0, 15));
  EXPECT_TRUE(at::equal(a_.detach().flatten(), exact.to(at::kBFloat16)));
}

TEST(ParameterListInitialize, DependsNeitherOnThreadsNorOnTheOtherParameters) {
  const auto values = [](int threads, bool with_neighbour) {
    const testing::Threads scope(threads);
    ParameterList list;
    if (with_neighbour) Scope(list).declare("before", {1000}, Init::normal(1));
    const at::Tensor weight = Scope(list).declare("w", {500, 301}, Init::normal(1));
    list.materialize(at::kFloat);
    list.initialize(5);
    return weight.detach().clone();
  };
  const at::Tensor expected = values(1, false);
  EXPECT_TRUE(at::equal(values(2, false), expected));
  EXPECT_TRUE(at::equal(values(2, true), expected));
}

TEST(ParameterListGradients, ReachTheDeclaredHandles) {
  ParameterList list;
  const Linear linear = Linear::with_bias(Scope(list, "l"), 3, 2);
  list.materialize(at::kFloat);
  list.initialize(1);
  linear(at::ones({4, 3})).sum().backward();
  EXPECT_TRUE(at::equal(list.find("l.weight").value.grad(), at::full({2, 3}, 4.0F)));
  EXPECT_TRUE(at::equal(list.find("l.bias").value.grad(), at::full({2}, 4.0F)));
}

TEST(Linear, MultipliesByTheTransposedWeightAndAddsTheBias) {
  ParameterList list;
  const Linear with_bias = Linear::with_bias(Scope(list, "b"), 3, 2, Init::ones());
  const Linear without(Scope(list, "n"), 3, 2, Init::ones());
  list.materialize(at::kFloat);
  list.initialize(1);
  EXPECT_EQ(list.all().size(), 3U);
  const at::Tensor x = at::arange(6, at::kFloat).view({2, 3});
  EXPECT_TRUE(at::equal(without(x).detach(), at::tensor({3.0F, 3.0F, 12.0F, 12.0F}).view({2, 2})));
  EXPECT_TRUE(at::equal(with_bias(x).detach(), at::tensor({4.0F, 4.0F, 13.0F, 13.0F}).view({2, 2})));
}

}  // namespace
}  // namespace dfm::nn
