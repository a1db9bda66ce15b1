#include <limits>

#include <gtest/gtest.h>

#include "core/units.h"
#include "support/errors.h"

namespace dfm {
namespace {

TEST(Units, BytesHaveOneDecimalAndABinaryUnit) {
  EXPECT_EQ(format_bytes(0), "0 B");
  EXPECT_EQ(format_bytes(1023), "1023 B");
  EXPECT_EQ(format_bytes(1024), "1.0 KiB");
  EXPECT_EQ(format_bytes(1536), "1.5 KiB");
  EXPECT_EQ(format_bytes(5ULL << 40U), "5.0 TiB");
}

TEST(Units, AmountsOfMemoryAreReadWithBinaryAndDecimalUnits) {
  EXPECT_EQ(parse_bytes("4096", "x"), 4096U);
  EXPECT_EQ(parse_bytes("256MiB", "x"), 256U << 20U);
  EXPECT_EQ(parse_bytes("1.5 GiB", "x"), 3U << 29U);
  EXPECT_EQ(parse_bytes("5GB", "x"), 5'000'000'000U);
}

TEST(Units, WhatIsNoAmountOfMemoryIsAUsageErrorThatNamesTheKey) {
  for (const char* const text : {"", "much", "-1GB", "0", "5 parsecs", "1e300TiB", "nan", "GB"}) {
    const Error error = testing::error_of([&] { parse_bytes(text, "a.key"); });
    EXPECT_EQ(error.kind(), ExitCode::usage) << text;
    EXPECT_EQ(std::string(error.what()).find("a.key"), 0U);
  }
}

TEST(Units, BytesNeverShowAThousandAndTwentyFourOfAUnit) {
  EXPECT_EQ(format_bytes((1ULL << 20U) - 1), "1.0 MiB");
  EXPECT_EQ(format_bytes((1ULL << 30U) - 1), "1.0 GiB");
  EXPECT_EQ(format_bytes(std::numeric_limits<std::uint64_t>::max()), "16.0 EiB");
}

TEST(Units, SecondsBecomeMinutesAndHours) {
  EXPECT_EQ(format_seconds(0), "0.0 s");
  EXPECT_EQ(format_seconds(12.34), "12.3 s");
  EXPECT_EQ(format_seconds(59.94), "59.9 s");
  EXPECT_EQ(format_seconds(59.97), "1 min 0 s");
  EXPECT_EQ(format_seconds(125), "2 min 5 s");
  EXPECT_EQ(format_seconds(3599.7), "1 h 0 min");
  EXPECT_EQ(format_seconds(3723.4), "1 h 2 min");
  EXPECT_EQ(format_seconds(90000), "25 h 0 min");
}

TEST(Units, ATimeThatIsNoTimeIsAQuestionMark) {
  EXPECT_EQ(format_seconds(-1), "?");
  EXPECT_EQ(format_seconds(std::numeric_limits<double>::infinity()), "?");
  EXPECT_EQ(format_seconds(std::numeric_limits<double>::quiet_NaN()), "?");
  EXPECT_EQ(format_seconds(1e300), "?");
}

TEST(Units, CountsHaveCommasAtThousands) {
  EXPECT_EQ(format_count(0), "0");
  EXPECT_EQ(format_count(999), "999");
  EXPECT_EQ(format_count(1000), "1,000");
  EXPECT_EQ(format_count(-1000), "-1,000");
  EXPECT_EQ(format_count(-100), "-100");
  EXPECT_EQ(format_count(40950336), "40,950,336");
  EXPECT_EQ(format_count(1, "shard"), "1 shard");
  EXPECT_EQ(format_count(2000, "shard"), "2,000 shards");
  EXPECT_EQ(format_count(std::numeric_limits<std::int64_t>::min()), "-9,223,372,036,854,775,808");
}

TEST(Units, MomentsAreInUtc) {
  EXPECT_EQ(format_utc(0), "1970-01-01T00:00:00Z");
  EXPECT_EQ(format_utc(1'000'000'000), "2001-09-09T01:46:40Z");
}

}  // namespace
}  // namespace dfm
