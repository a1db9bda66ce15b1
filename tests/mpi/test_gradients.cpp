// The reducer: over which ranks a gradient is summed follows from its parameter's placement. Gradients are
// small whole numbers, so that sums are exact, and the expectation is arithmetic over the grid.
#include <cmath>

#include <gtest/gtest.h>

#include "train/gradients.h"
#include "train/replicas.h"
#include "unit/train/odd_parameters.h"

namespace dfm::train {
namespace {

using comm::GridCoordinates;
using comm::Group;

// What a rank contributes to element i of a parameter.
double contribution(int rank, std::size_t parameter, std::int64_t i) {
  return static_cast<double>((rank + 1) * 100 + static_cast<int>(parameter) * 10) +
         static_cast<double>(i % 7);
}

// Parameters 0, 1, 2, 3 are partial over nothing, tensor, pipeline and both; 4 to 7 so of an expert.
nn::ParameterList placed_parameters(at::ScalarType dtype) {
  nn::ParameterList parameters;
  for (int i = 0; i < 8; ++i) {
    const nn::Placement placement{{5 + 2 * i, 3}, i % 2 == 1, i / 2 % 2 == 1, i / 4 == 1};
    parameters.declare("p" + std::to_string(i), placement, nn::Init::zeros());
  }
  parameters.materialize(dtype);
  return parameters;
}

class ReducerOfGrid : public ::testing::TestWithParam<comm::GridShape> {
 protected:
  void SetUp() override {
    const comm::GridShape shape = GetParam();
    if (world_.size() % (shape.tensor * shape.pipeline * shape.context * shape.expert) != 0) GTEST_SKIP();
    grid_ = comm::RankGrid(world_.size(), shape);
  }

  void set_contributions(const nn::ParameterList& parameters) const {
    for (std::size_t p = 0; p < parameters.all().size(); ++p) {
      const at::Tensor& value = parameters.all()[p].value;
      at::Tensor gradient = at::empty(value.sizes(), at::kFloat);
      for (std::int64_t i = 0; i < gradient.numel(); ++i) {
        gradient.view(-1)[i] = contribution(world_.rank(), p, i);
      }
      value.mutable_grad() = gradient.to(value.scalar_type());
    }
  }

  // The sum over the ranks that hold a part of this gradient.
  double expected(const nn::Placement& placement, std::size_t parameter, std::int64_t i) const {
    const GridCoordinates me = grid_.coordinates(world_.rank());
    double sum = 0;
    for (int rank = 0; rank < world_.size(); ++rank) {
      const GridCoordinates other = grid_.coordinates(rank);
      const bool counts = (other.tensor == me.tensor || placement.partial_over_tensor) &&
                          (other.pipeline == me.pipeline || placement.partial_over_pipeline) &&
                          (other.expert == me.expert || !placement.is_of_expert);
      if (counts) sum += contribution(rank, parameter, i);
    }
    return sum;
  }

  const Group world_ = Group::world();
  comm::RankGrid grid_{world_.size(), {}};
};

TEST_P(ReducerOfGrid, SumsOverTheRanksThatThePlacementNames) {
  const comm::GridGroups groups(world_, grid_);
  const nn::ParameterList parameters = placed_parameters(at::kFloat);
  const ShardLayout layout(parameters, shard_places(groups), 40);
  Gradients gradients(parameters, layout, groups);
  set_contributions(parameters);
  gradients.reduce();
  for (const Segment& segment : layout.segments()) {
    const at::Tensor ours = gradients.segment(segment).to(at::kDouble);
    const nn::Placement& placement = parameters.all()[segment.parameter].placement;
    for (std::int64_t i = 0; i < segment.count; ++i) {
      ASSERT_EQ(ours[i].item<double>(), expected(placement, segment.parameter, segment.begin + i))
          << "parameter " << segment.parameter << ", element " << segment.begin + i;
    }
  }
}

// A gradient that is the same on several ranks counts on the first of them.
TEST_P(ReducerOfGrid, GivesANormThatCountsEveryElementOnce) {
  const comm::GridGroups groups(world_, grid_);
  const nn::ParameterList parameters = placed_parameters(at::kFloat);
  const ShardLayout layout(parameters, shard_places(groups), 40);
  Gradients gradients(parameters, layout, groups);
  set_contributions(parameters);
  gradients.reduce();
  const GridCoordinates me = grid_.coordinates(world_.rank());
  double squares = gradients.squared_norm().item<double>(), expected_squares = 0;
  for (std::size_t p = 0; p < parameters.all().size(); ++p) {
    const nn::Placement& placement = parameters.all()[p].placement;
    if (placement.partial_over_tensor && me.tensor > 0) continue;
    if (placement.partial_over_pipeline && me.pipeline > 0) continue;
    // Each expert rank has its own.
    if (!placement.is_of_expert && me.expert > 0) continue;
    for (std::int64_t i = 0; i < parameters.all()[p].count(); ++i) {
      expected_squares += std::pow(expected(placement, p, i), 2);
    }
  }
  groups.data_context.all_reduce_sum(std::span(&squares, 1));
  groups.expert.all_reduce_sum(std::span(&expected_squares, 1));
  EXPECT_NEAR(squares, expected_squares, 1e-6 * expected_squares);
}

// 2^-9 of each micro-batch would be lost beside 1 in bfloat16.
TEST_P(ReducerOfGrid, AddsMicroBatchesOfBfloat16WithoutRounding) {
  const comm::GridGroups groups(world_, grid_);
  const nn::ParameterList parameters = placed_parameters(at::kBFloat16);
  const ShardLayout layout(parameters, shard_places(groups), 40);
  Gradients gradients(parameters, layout, groups);
  const auto set_all = [&](double value) {
    for (const nn::Parameter& each : parameters.all()) {
      each.value.mutable_grad() = at::full(each.placement.global_shape, value, at::kBFloat16);
    }
  };
  set_all(1);
  gradients.collect();
  set_all(std::ldexp(1.0, -9));
  gradients.reduce();
  const double sum = (1 + std::ldexp(1.0, -9)) * groups.data_context.size();
  for (const Segment& segment : layout.segments()) {
    if (parameters.all()[segment.parameter].name != "p0") continue;
    EXPECT_TRUE((gradients.segment(segment).to(at::kDouble) == sum).all().item<bool>());
  }
}

TEST_P(ReducerOfGrid, TakesAParameterThatOnlyOneRankReached) {
  const comm::GridGroups groups(world_, grid_);
  const nn::ParameterList parameters = placed_parameters(at::kFloat);
  const ShardLayout layout(parameters, shard_places(groups), 40);
  Gradients gradients(parameters, layout, groups);
  const bool reached = groups.data_context.rank() == groups.data_context.size() - 1;
  if (reached) parameters.find("p0").value.mutable_grad() = at::full({5, 3}, 3.0);
  gradients.reduce();
  for (const Segment& segment : layout.segments()) {
    const std::string& name = parameters.all()[segment.parameter].name;
    const double expected = name == "p0" ? 3.0 : 0.0;
    EXPECT_TRUE((gradients.segment(segment) == expected).all().item<bool>()) << name;
  }
}

INSTANTIATE_TEST_SUITE_P(Of, ReducerOfGrid,
                         ::testing::Values(comm::GridShape{}, comm::GridShape{.tensor = 2},
                                           comm::GridShape{.pipeline = 2}, comm::GridShape{.context = 2},
                                           comm::GridShape{.tensor = 2, .pipeline = 2},
                                           comm::GridShape{.expert = 2},
                                           comm::GridShape{.tensor = 2, .expert = 2},
                                           comm::GridShape{.context = 2, .expert = 2}),
                         [](const auto& shape) {
                           return "Tensor" + std::to_string(shape.param.tensor) + "Context" +
                                  std::to_string(shape.param.context) + "Pipeline" +
                                  std::to_string(shape.param.pipeline) + "Expert" +
                                  std::to_string(shape.param.expert);
                         });

}  // namespace
}  // namespace dfm::train
