// What the ranks read in a step: together exactly the step, whatever their number, and what happens to bad
// samples.
#include <map>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "unit/data/numbered_source.h"
#include "unit/data/shards.h"

namespace dfm::data {
namespace {

using testing::error_of;
using ::testing::HasSubstr;

TEST(StepReader, RanksReadTogetherExactlyTheStep) {
  for (auto* const plan : {plan_by_sample, plan_by_pack}) {
    for (std::size_t ranks = 1; ranks <= 5; ++ranks) {
      for (const std::int64_t first : {0, 13, 91, 260}) {  // 91: across the end of an epoch
        SamplesByPosition all;
        std::set<std::int64_t> planned;
        for (std::size_t rank = 0; rank < ranks; ++rank) {
          StepReaderSettings settings = settings_of(rank, ranks);
          settings.plan = plan;
          const StepBatch batch = read_step(numbered_source(), settings, first);
          const SamplesByPosition mine = samples_of(batch);
          all.insert(mine.begin(), mine.end());
          planned.insert(batch.planned_tokens);
        }
        EXPECT_EQ(all, expected_samples(first));
        EXPECT_EQ(planned.size(), 1U);
      }
    }
  }
}

// Samples by position of the steps that begin at these positions, all ranks together.
SamplesByPosition read_by_all(StepReaderSettings settings, std::size_t ranks,
                              std::vector<std::int64_t> firsts) {
  SamplesByPosition all;
  for (std::size_t rank = 0; rank < ranks; ++rank) {
    settings.rank = rank;
    settings.ranks = ranks;
    StepReader reader(numbered_source(), settings);
    for (const std::int64_t first : firsts) all.merge(samples_of(read_step(reader, first)));
  }
  return all;
}

TEST(StepReader, GivesTheSameSamplesInTheSameStepsOnAnyNumberOfRanksAndAfterAChangeOfIt) {
  for (const Batching batching : {Batching::packed, Batching::fixed_length, Batching::buckets}) {
    StepReaderSettings settings = settings_of();
    settings.batching = batching;
    settings.batch_samples = 2;
    settings.bucket_window = 40;
    const SamplesByPosition one = read_by_all(settings, 1, {0, 13, 26, 39, 52, 65, 78, 91});
    std::set<std::int64_t> first_epoch;
    for (std::int64_t i = 0; i < 100; ++i) first_epoch.insert(one.at(i));
    EXPECT_EQ(first_epoch.size(), 100U);
    for (const std::size_t ranks : {2, 3, 4, 7}) {
      SamplesByPosition stopped = read_by_all(settings, ranks, {0, 13, 26});
      stopped.merge(read_by_all(settings, ranks - 1, {39, 52, 65, 78, 91}));
      EXPECT_EQ(stopped, one) << ranks << " ranks";
    }
  }
}

TEST(StepReader, PutsOnlySamplesOfOneLengthTogetherWhereTheyAreNotPacked) {
  StepReaderSettings settings = settings_of();
  settings.batching = Batching::fixed_length;
  settings.batch_samples = 3;
  const StepBatch batch = read_step(numbered_source(), settings, 0);
  std::size_t samples = 0;
  for (const auto& pack : batch.packs) {
    EXPECT_LE(pack.size(), 3U);
    samples += pack.size();
    for (const PositionedSample& each : pack)
      EXPECT_EQ(each.sample.latent.shape, pack.front().sample.latent.shape);
  }
  EXPECT_EQ(samples, 13U);
  EXPECT_DOUBLE_EQ(batch.fill, 13.0 / (3.0 * static_cast<double>(batch.packs.size())));
}

TEST(StepReader, TakesStepsOfOneShapeFromBuckets) {
  StepReaderSettings settings = settings_of();
  settings.batching = Batching::buckets;
  settings.batch_samples = 13;
  settings.bucket_window = 100;
  StepReader reader(numbered_source(), settings);
  std::size_t packs = 0;
  for (std::int64_t first = 0; first + 13 <= 100; first += 13) packs += read_step(reader, first).packs.size();
  EXPECT_LE(packs, 6U + 7U);  // seven shapes of 14 or 15: six steps of one each, the rests in what follows
}

TEST(StepReader, SaysHowFullThePacksOfAllRanksAre) {
  const StepBatch batch = read_step(numbered_source(), settings_of(0, 1), 0);
  EXPECT_DOUBLE_EQ(batch.fill, static_cast<double>(batch.planned_tokens) /
                                   (12.0 * static_cast<double>(batch.packs.size())));
  EXPECT_GT(batch.fill, 0.8);
}

TEST(StepReader, CountsThePlannedTokensOfTheWholeStep) {
  std::int64_t expected = 0;
  for (const auto& [position, sample] : expected_samples(26)) expected += 1 + sample % 7;
  EXPECT_EQ(read_step(numbered_source(), settings_of(1, 3), 26).planned_tokens, expected);
}

TEST(StepReader, PacksWithinTheCapacity) {
  for (const auto& pack : read_step(numbered_source(), settings_of(), 0).packs) {
    std::int64_t tokens = 0;
    for (const PositionedSample& each : pack) tokens += each.sample.latent.shape[1];
    EXPECT_LE(tokens, 12);
  }
}

TEST(StepReader, LeavesOutWhatItsSourceDoesNotGive) {
  SampleSource source = numbered_source();
  source.read = [read = source.read](std::int64_t i) { return i % 3 == 0 ? std::nullopt : read(i); };
  for (std::size_t ranks = 1; ranks <= 3; ++ranks) {
    SamplesByPosition read, expected = expected_samples(39);
    const std::size_t all = expected.size();
    std::erase_if(expected, [](const auto& each) { return each.second % 3 == 0; });
    std::int64_t unwanted = 0;
    for (std::size_t rank = 0; rank < ranks; ++rank) {
      const StepBatch batch = read_step(source, settings_of(rank, ranks), 39);
      read.merge(samples_of(batch));
      unwanted += batch.unwanted;
      EXPECT_TRUE(batch.bad.empty());
    }
    EXPECT_EQ(read, expected);
    EXPECT_EQ(unwanted, static_cast<std::int64_t>(all - expected.size()));
  }
}

TEST(StepReader, ReportsBadSamplesOnceAndReadsTheOthers) {
  for (std::size_t ranks = 1; ranks <= 4; ++ranks) {
    SamplesByPosition good;
    std::map<std::int64_t, std::string> bad;
    for (std::size_t rank = 0; rank < ranks; ++rank) {
      const StepBatch batch = read_step(source_with_bad_samples(), settings_of(rank, ranks), 39);
      const SamplesByPosition mine = samples_of(batch);
      good.insert(mine.begin(), mine.end());
      for (const BadSample& each : batch.bad) EXPECT_TRUE(bad.emplace(each.position, each.problem).second);
    }
    for (const auto& [position, sample] : expected_samples(39)) {
      if (sample % 5 != 0) {
        EXPECT_EQ(good.at(position), sample);
      } else {
        EXPECT_EQ(bad.at(position), fmt::format("sample {} is damaged", sample));
      }
    }
    EXPECT_EQ(good.size() + bad.size(), 13U);
  }
}

TEST(StepReader, LeavesOutPacksOfBadSamplesOnly) {
  SampleSource source = numbered_source();
  source.read = [](std::int64_t) -> Sample { throw data_error("damaged"); };
  const StepBatch batch = read_step(source, settings_of(), 0);
  EXPECT_TRUE(batch.packs.empty());
  EXPECT_EQ(batch.bad.size(), 13U);
}

TEST(StepReader, ReadsASampleWhoseShapeIsNotKnown) {
  SampleSource source = numbered_source();
  source.shape = [](std::int64_t) { return SampleShape{}; };
  const StepBatch batch = read_step(source, settings_of(), 0);
  EXPECT_EQ(samples_of(batch), expected_samples(0));
  EXPECT_EQ(batch.planned_tokens, 13);
}

TEST(StepReader, RefusesASampleLongerThanAPack) {
  StepReaderSettings settings = settings_of();
  settings.pack_capacity = 6;
  const auto error = error_of([&] { read_step(numbered_source(), settings, 0); });
  ASSERT_TRUE(error);
  EXPECT_EQ(error->kind(), ExitCode::data);
  EXPECT_THAT(error->what(), HasSubstr("7 tokens, more than a pack of 6"));
  EXPECT_THAT(error->hint(), HasSubstr("dataset.task_encoder_seq_length=7"));
}

TEST(StepReader, DoesNotHideErrorsThatAreNotOfTheData) {
  SampleSource source = numbered_source();
  source.read = [](std::int64_t) -> Sample { throw std::bad_alloc(); };
  EXPECT_THROW(read_step(source, settings_of(), 0), std::bad_alloc);
}

TEST(StepReader, DoesNotTryASampleInQuarantineAgain) {
  StepReader reader(source_with_bad_samples(), settings_of());
  const StepBatch before = read_step(reader, 39);
  ASSERT_FALSE(before.bad.empty());
  for (const BadSample& bad : before.bad) {
    EXPECT_EQ(bad.number, expected_samples(39).at(bad.position));
    reader.leave_out(bad.number);
  }
  const StepBatch after = read_step(reader, 39);
  EXPECT_TRUE(after.bad.empty());
  EXPECT_EQ(samples_of(after), samples_of(before));
  EXPECT_EQ(after.planned_tokens, before.planned_tokens);
}

}  // namespace
}  // namespace dfm::data
