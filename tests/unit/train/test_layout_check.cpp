// Layouts that a model cannot be computed in are refused with the arithmetic and the nearest that works.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "model/moviegen.h"
#include "support/errors.h"
#include "train/layout_check.h"

namespace dfm::train {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

model::BackboneSpec ec_dit(std::int64_t experts) {
  model::MovieGenShape shape;
  shape.experts = {experts, {}};
  return model::moviegen_spec(shape);
}

Error refusal_of(const model::BackboneSpec& model, int ranks, const comm::GridShape& grid) {
  return testing::error_of([&] { require_fitting_layout(model, comm::RankGrid(ranks, grid)); });
}

TEST(ExpertRanks, MayBeAsManyAsExpertsAndDivideThemUnevenly) {
  for (const int ranks : {1, 2, 3, 4, 5})
    EXPECT_NO_THROW(require_fitting_layout(ec_dit(5), comm::RankGrid(60, {.expert = ranks})));
}

TEST(ExpertRanks, MoreThanExpertsAreRefusedWithTheNearestThatDividesTheDataRanks) {
  const Error error = refusal_of(ec_dit(5), 12, {.expert = 6});
  EXPECT_EQ(error.kind(), ExitCode::usage);
  EXPECT_THAT(error.what(), AllOf(HasSubstr("5 experts"), HasSubstr("6 expert parallel ranks: 1 of them")));
  EXPECT_THAT(error.hint(), HasSubstr("with 12 data parallel ranks is model.expert_model_parallel_size=4"));
}

TEST(ExpertRanks, AreRefusedWhereThereAreNoExperts) {
  const Error error = refusal_of(model::moviegen_spec({}), 4, {.expert = 2});
  EXPECT_EQ(error.kind(), ExitCode::usage);
  EXPECT_THAT(error.what(), HasSubstr("no experts"));
  EXPECT_THAT(error.hint(), HasSubstr("model.expert_model_parallel_size at 1"));
}

}  // namespace
}  // namespace dfm::train
