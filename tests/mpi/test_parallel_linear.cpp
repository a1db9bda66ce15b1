// A layer over the rows of all ranks: values and gradients against a gather and a layer one after the other,
// and what is under way at each product of matrices.
#include <numeric>
#include <string_view>

#include <ATen/record_function.h>
#include <gtest/gtest.h>

#include "mpi/moment.h"
#include "nn/parallel_linear.h"
#include "support/tensors.h"

namespace dfm::nn {
namespace {

using dfm::testing::Moment;
using dfm::testing::Normals;

constexpr std::int64_t kInputs = 24, kOutputs = 10;

// The moments at which products of matrices begin while this lives.
class Products {
 public:
  explicit Products(const comm::Group& group) : group_(group) {
    running_ = this;
    handle_ = at::addThreadLocalCallback(at::RecordFunctionCallback(&Products::note));
  }
  Products(const Products&) = delete;
  Products& operator=(const Products&) = delete;
  ~Products() { at::removeCallback(handle_); }

  const std::vector<Moment>& moments() const { return moments_; }

 private:
  static std::unique_ptr<at::ObserverContext> note(const at::RecordFunction& called) {
    if (std::string_view(called.name()) == "aten::mm") running_->moments_.emplace_back(running_->group_);
    return nullptr;
  }

  static inline Products* running_ = nullptr;
  const comm::Group& group_;
  std::vector<Moment> moments_;
  at::CallbackHandle handle_ = 0;
};

class ParallelLinear : public ::testing::TestWithParam<at::ScalarType> {
 protected:
  // 2, 3, 4, ... rows of the ranks.
  RowCounts counts() const {
    RowCounts rows(static_cast<std::size_t>(world_.size()));
    std::iota(rows.begin(), rows.end(), 2);
    return rows;
  }
  at::Tensor numbers(at::IntArrayRef shape, std::uint64_t seed) const {
    return Normals(seed)(shape).to(GetParam()).requires_grad_(true);
  }
  // Of this rank.
  at::Tensor rows() const {
    return numbers({2 + world_.rank(), kInputs}, 10 + static_cast<std::uint64_t>(world_.rank()));
  }
  void expect_same_rows(const at::Tensor& ours, const at::Tensor& expected) const {
    // Of three and more ranks MPI adds float32 in an order of its own, another one where work goes on beside.
    if (GetParam() == at::kFloat && world_.size() > 2) {
      EXPECT_LT(dfm::testing::relative_error(ours, expected), 1e-6);
    } else {
      EXPECT_TRUE(at::equal(ours, expected));
    }
  }

  const comm::Group world_ = comm::Group::world();
};

TEST_P(ParallelLinear, GivesTheBitsOfAGatherAndALinearLayer) {
  const at::Tensor x = rows(), same_x = rows();
  const at::Tensor weight = numbers({kOutputs, kInputs}, 1), same_weight = numbers({kOutputs, kInputs}, 1);
  const at::Tensor bias = numbers({kOutputs}, 2), same_bias = numbers({kOutputs}, 2);
  const at::Tensor y = ComingRows(x, counts(), world_).times(weight, bias);
  const at::Tensor expected = Linear(same_weight, same_bias)(gather_rows(same_x, counts(), world_));
  EXPECT_TRUE(at::equal(y, expected));
  const at::Tensor gradient = numbers(y.sizes(), 4 + static_cast<std::uint64_t>(world_.rank())).detach();
  y.backward(gradient);
  expected.backward(gradient);
  EXPECT_TRUE(at::equal(weight.grad(), same_weight.grad()));
  EXPECT_TRUE(at::equal(bias.grad(), same_bias.grad()));
  expect_same_rows(x.grad(), same_x.grad());
}

TEST_P(ParallelLinear, RowsThatCameAreThoseOfAGatherAndSoAreTheirGradients) {
  const at::Tensor x = rows(), same_x = rows();
  const at::Tensor all = ComingRows(x, counts(), world_).arrived();
  const at::Tensor expected = gather_rows(same_x, counts(), world_);
  EXPECT_TRUE(at::equal(all, expected));
  const at::Tensor gradient = numbers(all.sizes(), 4 + static_cast<std::uint64_t>(world_.rank())).detach();
  all.backward(gradient);
  expected.backward(gradient);
  EXPECT_TRUE(at::equal(x.grad(), same_x.grad()));
}

TEST_P(ParallelLinear, LeavesNothingUnderWayWhereRowsAreGivenUp) {
  { const ComingRows rows_given_up(rows(), counts(), world_); }
  EXPECT_TRUE(
      at::equal(ComingRows(rows(), counts(), world_).arrived(), gather_rows(rows(), counts(), world_)));
}

TEST_P(ParallelLinear, SendsTheGradientOfRowsHomeBesideTheProductForThatOfTheWeight) {
  if (world_.size() == 1) GTEST_SKIP() << "nothing travels";
  const at::Tensor x = rows();
  const at::Tensor y = ComingRows(x, counts(), world_).times(numbers({kOutputs, kInputs}, 1), {});
  const Moment before(world_);
  const Products products(world_);
  y.backward(at::ones_like(y));
  ASSERT_EQ(products.moments().size(), 2);
  const Moment &of_rows = products.moments()[0], &of_weight = products.moments()[1];
  EXPECT_EQ(of_rows.moved_bytes, before.moved_bytes);
  EXPECT_GT(of_weight.moved_bytes, before.moved_bytes);
  EXPECT_EQ(of_weight.waits, before.waits);
  EXPECT_GT(Moment(world_).waits, before.waits);
}

TEST_P(ParallelLinear, MultipliesSharedRowsWhileItsOwnAreGathered) {
  if (world_.size() == 1) GTEST_SKIP() << "nothing travels";
  ParameterList parameters(ModelParallel{.tensor = &world_});
  const Columns outputs{4, 2};
  const ColumnLinear queries(Scope(parameters, "q"), kInputs, outputs, Init::normal(1)),
      keys(Scope(parameters, "k"), kInputs, outputs, Init::normal(1));
  parameters.materialize(GetParam());
  const PackLayout layout = PackLayout({2 * world_.size()}, {5}).share(parameters.parallel().sequence_cut());
  const at::Tensor x = numbers({2, kInputs}, 3), text = numbers({5, kInputs}, 4);
  const Moment before(world_);
  const Products products(world_);
  const auto both = ColumnLinear::side_by_side({queries, x}, {keys, text}, layout);
  EXPECT_EQ(both[0].size(0), 2 * world_.size());
  EXPECT_EQ(both[1].size(0), 5);
  ASSERT_EQ(products.moments().size(), 2);
  const Moment &of_text = products.moments()[0], &of_rows = products.moments()[1];
  EXPECT_GT(of_text.moved_bytes, before.moved_bytes);
  EXPECT_EQ(of_text.waits, before.waits);
  EXPECT_GT(of_rows.waits, before.waits);
}

INSTANTIATE_TEST_SUITE_P(Of, ParallelLinear, ::testing::Values(at::kFloat, at::kBFloat16),
                         [](const auto& dtype) { return std::string(at::toString(dtype.param)); });

}  // namespace
}  // namespace dfm::nn
