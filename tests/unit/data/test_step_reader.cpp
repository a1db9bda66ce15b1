// What the ranks read in a step: together exactly the step, whatever their number, and what happens to bad
// samples.
#include <atomic>
#include <map>
#include <set>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "data/loader/prefetching_reader.h"
#include "unit/data/shards.h"

namespace dfm::data {
namespace {

using ::testing::ElementsAre;
using namespace std::chrono_literals;
using testing::error_of;
using ::testing::HasSubstr;

// 100 samples in three shards; sample i has 1 + i % 7 frames, holds its number, and is named after it.
SampleSource numbered_source() {
  SampleSource source;
  source.samples_in_shard = {50, 0, 50};
  source.text_width = 2;
  source.shape = [](std::int64_t i) {
    return SampleShape{1, static_cast<std::uint32_t>(1 + i % 7), 1, 1, 1};
  };
  source.read = [](std::int64_t i) {
    Sample sample{fmt::format("sample {}", i), make_array(DType::float32, {1, 1 + i % 7, 1, 1}),
                  make_array(DType::float32, {1, 2})};
    sample.latent.as<float>()[0] = static_cast<float>(i);
    return sample;
  };
  return source;
}

StepReaderSettings settings_of(std::size_t rank = 0, std::size_t ranks = 1) {
  StepReaderSettings settings;
  settings.order = {7, 8, 2};
  settings.global_batch_size = 13;
  settings.pack_capacity = 12;
  settings.tokens_of = [](const SampleShape& shape) { return std::int64_t{shape.frames}; };
  settings.rank = rank;
  settings.ranks = ranks;
  return settings;
}

// Without a thread: what others are compared with.
StepBatch read_step(StepReader& reader, std::int64_t first) {
  const PlannedStep step = reader.plan(first);
  std::vector<ReadSample> samples;
  for (const PlannedSample& planned : step.samples) samples.push_back(reader.read(planned));
  return reader.batch_of(step, std::move(samples));
}

StepBatch read_step(const SampleSource& source, const StepReaderSettings& settings, std::int64_t first) {
  StepReader reader(source, settings);
  return read_step(reader, first);
}

using SamplesByPosition = std::map<std::int64_t, std::int64_t>;

SamplesByPosition samples_of(const StepBatch& batch) {
  SamplesByPosition samples;
  for (const auto& pack : batch.packs) {
    for (const PositionedSample& each : pack) {
      const bool is_new =
          samples.emplace(each.position, static_cast<std::int64_t>(each.sample.latent.as<float>()[0])).second;
      EXPECT_TRUE(is_new) << "position " << each.position << " comes twice";
    }
  }
  return samples;
}

SamplesByPosition expected_samples(std::int64_t first) {
  DataOrder order({50, 0, 50}, {7, 8, 2});
  SamplesByPosition samples;
  for (std::int64_t position = first; position < first + 13; ++position) {
    samples[position] = order.sample_at(position);
  }
  return samples;
}

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

// Samples whose number divides by 5 cannot be read.
SampleSource source_with_bad_samples() {
  SampleSource source = numbered_source();
  source.read = [good = source.read](std::int64_t i) {
    if (i % 5 == 0) throw data_error(fmt::format("sample {} is damaged", i));
    return good(i);
  };
  return source;
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

TEST(PrefetchingReader, GivesWhatTheReaderGivesInAnyOrder) {
  StepReader plain(numbered_source(), settings_of());
  PrefetchingReader ahead(StepReader(numbered_source(), settings_of()));
  EXPECT_EQ(ahead.global_batch_size(), 13);
  for (const std::int64_t first : {0, 13, 26, 39, 39, 1300, 13, 26, 0, 26}) {
    EXPECT_EQ(samples_of(ahead.take(first)), samples_of(read_step(plain, first))) << first;
  }
}

TEST(PrefetchingReader, ReadsTheNextStepsMeanwhileAndNoMore) {
  for (const ReadAhead ahead : {ReadAhead{1, 1}, ReadAhead{3, 2}}) {
    auto reads = std::make_shared<std::atomic<std::size_t>>(0);
    SampleSource source = numbered_source();
    source.read = [good = source.read, reads](std::int64_t i) {
      ++*reads;
      return good(i);
    };
    PrefetchingReader reader(StepReader(source, settings_of()), ahead);
    reader.take(0);
    const std::size_t expected = 13 * (1 + ahead.steps);
    for (int i = 0; i < 5000 && *reads < expected; ++i) std::this_thread::sleep_for(1ms);
    std::this_thread::sleep_for(20ms);
    EXPECT_EQ(*reads, expected);
  }
}

TEST(PrefetchingReader, GivesTheSameWithAnyNumberOfThreads) {
  StepReader plain(source_with_bad_samples(), settings_of());
  for (std::size_t threads = 1; threads <= 4; ++threads) {
    PrefetchingReader ahead(StepReader(source_with_bad_samples(), settings_of()), {threads, 3});
    for (std::int64_t first = 0; first < 260; first += 13) {
      const StepBatch ours = ahead.take(first), expected = read_step(plain, first);
      EXPECT_EQ(samples_of(ours), samples_of(expected));
      EXPECT_EQ(ours.packs.size(), expected.packs.size());
      ASSERT_EQ(ours.bad.size(), expected.bad.size());
      for (std::size_t i = 0; i < ours.bad.size(); ++i)
        EXPECT_EQ(ours.bad[i].problem, expected.bad[i].problem);
    }
  }
}

TEST(PrefetchingReader, LeavesOutWhatIsInQuarantineAlsoWhereItWasReadAlready) {
  PrefetchingReader ahead(StepReader(numbered_source(), settings_of()), {1, 2});
  const SamplesByPosition first = samples_of(ahead.take(0));
  const std::vector<std::int64_t> unwanted{expected_samples(13).begin()->second, first.begin()->second};
  ahead.leave_out(unwanted);
  SamplesByPosition expected = expected_samples(13);
  expected.erase(expected.begin());
  EXPECT_EQ(samples_of(ahead.take(13)), expected);
  EXPECT_EQ(samples_of(ahead.take(0)).size(), 12U);
  EXPECT_EQ(ahead.left_out().size(), 2U);
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

TEST(PrefetchingReader, ThrowsTheErrorOfAStepWhenThatStepIsTaken) {
  SampleSource source = numbered_source();
  source.shape = [good = source.shape, order = DataOrder({50, 0, 50}, {7, 8, 2})](std::int64_t i) mutable {
    if (i == order.sample_at(15)) throw data_error("no such shape");
    return good(i);
  };
  PrefetchingReader ahead(StepReader(source, settings_of()));
  EXPECT_EQ(samples_of(ahead.take(0)), expected_samples(0));
  EXPECT_THROW(ahead.take(13), Error);
  EXPECT_THROW(ahead.take(13), Error);  // and again, when it is asked again
  EXPECT_EQ(samples_of(ahead.take(26)), expected_samples(26));
}

TEST(PrefetchingReader, MayBeMovedWhileItReads) {
  PrefetchingReader first(StepReader(numbered_source(), settings_of()));
  first.take(0);
  PrefetchingReader second = std::move(first);
  EXPECT_EQ(samples_of(second.take(13)), expected_samples(13));
}

const MockShape kMock{.samples = 20, .latent = {16, 1, 4, 6}, .text_rows = 3, .text_width = 8};

TEST(MockSource, GivesSamplesOfOneShape) {
  const SampleSource source = mock_source(kMock, 1);
  EXPECT_EQ(source.count(), 20);
  EXPECT_EQ(source.text_width, 8);
  EXPECT_EQ(source.shape(3), (SampleShape{16, 1, 4, 6, 3}));
  EXPECT_EQ(latent_shape(source.shape(3)), (Shape{16, 1, 4, 6}));
  const Sample sample = source.read(3).value();
  EXPECT_EQ(sample.latent.shape, (Shape{16, 1, 4, 6}));
  EXPECT_EQ(sample.text.shape, (Shape{3, 8}));
  EXPECT_EQ(sample.key, "mock_000003");
}

TEST(MockSource, IsAFunctionOfSeedAndNumber) {
  const SampleSource source = mock_source(kMock, 1);
  EXPECT_EQ(source.read(3)->latent.bytes, mock_source(kMock, 1).read(3)->latent.bytes);
  EXPECT_NE(source.read(3)->latent.bytes, source.read(4)->latent.bytes);
  EXPECT_NE(source.read(3)->latent.bytes, mock_source(kMock, 2).read(3)->latent.bytes);
}

TEST(MockSource, GivesStandardNormalNumbers) {
  const SampleSource source =
      mock_source({.samples = 1, .latent = {16, 1, 64, 64}, .text_rows = 8, .text_width = 64}, 5);
  const Sample sample = source.read(0).value();
  for (const auto& values : {to_floats(sample.latent), to_floats(sample.text)}) {
    double sum = 0, squares = 0;
    for (const float x : values) {
      sum += x;
      squares += x * x;
    }
    const auto n = static_cast<double>(values.size());
    EXPECT_NEAR(sum / n, 0, 5 / std::sqrt(n));
    EXPECT_NEAR(squares / n, 1, 8 / std::sqrt(n));
  }
}

TEST(MockSource, HasAFingerprintThatNamesWhatItMakes) {
  MockShape other = kMock;
  other.latent[3] = 8;
  EXPECT_EQ(mock_source(kMock, 1).fingerprint, mock_source(kMock, 1).fingerprint);
  EXPECT_NE(mock_source(kMock, 1).fingerprint, mock_source(kMock, 2).fingerprint);
  EXPECT_NE(mock_source(kMock, 1).fingerprint, mock_source(other, 1).fingerprint);
}

}  // namespace
}  // namespace dfm::data
