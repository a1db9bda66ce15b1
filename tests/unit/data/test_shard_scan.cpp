#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "data/energon/shard_scan.h"
#include "unit/data/shards.h"

namespace dfm::data::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

struct Scanned {
  ShardScan scan;
  std::vector<ShardSample> samples;
};

Scanned scan(const std::string& archive) {
  const TemporaryFolder folder;
  const File file = File::open_to_read(folder.write("shard.tar", archive));
  Scanned result;
  result.scan = scan_shard(file, [&](const ShardSample& sample) { result.samples.push_back(sample); });
  return result;
}

TEST(ShardScan, GathersPartsWithOneKeyIntoASample) {
  const Scanned found =
      scan(tar_member("1.json", "{}") + tar_member("1.txt", "one") + tar_member("2.txt", "two") + tar_end());
  EXPECT_THAT(found.scan.offsets, ElementsAre(0, 2048, 3072));
  ASSERT_EQ(found.samples.size(), 2U);
  EXPECT_EQ(found.samples[0].key, "1");
  EXPECT_EQ(found.samples[0].parts.at(1).extension, "txt");
  EXPECT_EQ(found.samples[0].parts.at(1).content_offset, 1536U);
  EXPECT_EQ(found.samples[0].parts.at(1).content_size, 3U);
  EXPECT_EQ(found.samples[1].offset, 2048U);
  EXPECT_THAT(found.scan.extensions, ElementsAre("json", "txt"));
  EXPECT_THAT(found.scan.first_keys, ElementsAre("1", "2"));
  EXPECT_THAT(found.scan.warnings, IsEmpty());
}

TEST(ShardScan, CountsIgnoredMembersToTheSampleBefore) {
  const Scanned found = scan(tar_header({.name = "d", .type = '5'}) + tar_member("1.txt") +
                             tar_member("noext") + tar_member("1.json") + tar_member("__meta__/x.txt") +
                             tar_member("2.txt") + tar_member(".hidden") + tar_end());
  EXPECT_THAT(found.scan.offsets, ElementsAre(512, 512 + 4096, 512 + 4096 + 2048));
  EXPECT_EQ(found.samples[0].parts.size(), 2U);
}

TEST(ShardScan, ReportsWhatADamagedHeaderHides) {
  const Scanned found = scan(tar_member("1.txt") + std::string(512, '\1') + tar_member("2.txt") + tar_end());
  EXPECT_THAT(found.scan.offsets, ElementsAre(0, 1024));
  EXPECT_EQ(found.scan.lost_bytes, 512U + 1024U + 1024U);
  EXPECT_THAT(found.scan.warnings,
              ElementsAre(HasSubstr("header at byte 1024 is damaged: the 1 samples before it")));
}

TEST(ShardScan, ReportsAnArchiveBehindTheFirst) {
  const Scanned found = scan(tar_member("1.txt") + tar_end() + tar_member("2.txt") + tar_end());
  EXPECT_EQ(found.scan.sample_count(), 1U);
  EXPECT_GT(found.scan.lost_bytes, 0U);
  EXPECT_THAT(found.scan.warnings, ElementsAre(HasSubstr("one behind the other")));
}

TEST(ShardScan, WarnsOfAMissingEndMark) {
  const Scanned found = scan(tar_member("1.txt"));
  EXPECT_EQ(found.scan.lost_bytes, 0U);
  EXPECT_THAT(found.scan.warnings, ElementsAre(HasSubstr("may be cut short: 1 samples")));
}

TEST(ShardScan, RefusesAShardWithoutSamples) {
  EXPECT_THAT(error_of([] { scan(tar_end()); })->what(), HasSubstr("no samples"));
  EXPECT_TRUE(error_of([] { scan(tar_member("noext") + tar_end()); }));
}

TEST(ShardScan, SaysThatAnArchiveIsCompressed) {
  EXPECT_THAT(error_of([] { scan("\x1f\x8b\x08" + zeros(2000)); })->what(), HasSubstr("gzip"));
  EXPECT_THAT(error_of([] { scan("\x28\xb5\x2f\xfd" + zeros(2000)); })->what(), HasSubstr("zstd"));
  EXPECT_EQ(scan(tar_member("BZh.txt") + tar_end()).scan.sample_count(), 1U);  // a name, not a format
}

}  // namespace
}  // namespace dfm::data::testing
