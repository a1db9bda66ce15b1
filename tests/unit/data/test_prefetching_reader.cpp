// Steps that are read ahead are those that a plain reader reads.
#include <atomic>
#include <memory>
#include <thread>

#include <gtest/gtest.h>

#include "core/error.h"
#include "data/loader/prefetching_reader.h"
#include "unit/data/numbered_source.h"

namespace dfm::data {
namespace {

using namespace std::chrono_literals;

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

}  // namespace
}  // namespace dfm::data
