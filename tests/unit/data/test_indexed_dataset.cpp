#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/stop_token.h"
#include "data/energon/dataset_metadata.h"
#include "data/energon/index_metadata.h"
#include "data/energon/indexed_dataset.h"
#include "data/energon/shape_reader.h"
#include "data/energon/shapes_file.h"
#include "support/child_process.h"
#include "support/errors.h"
#include "unit/data/indexed_shard.h"
#include "unit/data/shards.h"

namespace dfm::data::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

const std::filesystem::path kGolden = DFM_GOLDEN_FOLDER "/energon";

std::string text_of(const RawPart& part) { return part.content.text(); }

// Shards in a folder, indexed; all in the split train.
class Indexed {
 public:
  explicit Indexed(const std::vector<std::pair<std::string, std::string>>& shards) {
    IndexReport report;
    for (const auto& [name, archive] : shards) {
      folder_.write(name, archive);
      report.shards.push_back({name, index_shard(folder_.path(), name).summary.samples});
    }
    prepare_meta_folder({.root = folder_.path()});
    write_metadata({.root = folder_.path()}, report);
  }

  IndexedDataset open() const { return IndexedDataset::open(folder_.path(), "train"); }
  const TemporaryFolder& folder() const { return folder_; }

 private:
  TemporaryFolder folder_;
};

std::vector<std::string> keys(const IndexedDataset& dataset) {
  std::vector<std::string> all;
  for (std::size_t shard = 0; shard < dataset.shards().size(); ++shard) {
    for (std::uint64_t i = 0; i < dataset.shards()[shard].samples; ++i)
      all.push_back(dataset.read_sample(shard, i).key);
  }
  return all;
}

TEST(IndexedDataset, ReadsWhatTheReferencePrepared) {
  for (const char* const name : {"plain", "shuffled"}) {
    const IndexedDataset dataset = IndexedDataset::open(kGolden / name, "train");
    const bool is_plain = std::string(name) == "plain";
    EXPECT_EQ(dataset.sample_count(), is_plain ? 60U : 40U);
    EXPECT_EQ(dataset.shards()[0].name, is_plain ? "shard-000000.tar" : "shard-000001.tar");
    const RawSample sample = dataset.read_sample(0, 3);
    EXPECT_EQ(sample.key, is_plain ? "00000003" : "00000023");
    ASSERT_NE(sample.find("json"), nullptr);
    EXPECT_THAT(text_of(*sample.find("json")), HasSubstr("check"));
    EXPECT_EQ(sample.find("pth")->content.size(), 1705U);
    EXPECT_EQ(sample.find("nope"), nullptr);
    EXPECT_FALSE(dataset.has_shapes());
  }
}

TEST(IndexedDataset, ReadsEverySampleInOrder) {
  const Indexed indexed({{"a.tar", shard_of({"1", "2", "3"})}, {"b/c.tar", shard_of({"4"})}});
  const IndexedDataset dataset = indexed.open();
  EXPECT_EQ(dataset.sample_count(), 4U);
  EXPECT_THAT(keys(dataset), ElementsAre("1", "2", "3", "4"));
  EXPECT_EQ(text_of(*dataset.read_sample(1, 0).find("txt")), "of 4");
}

TEST(IndexedDataset, TakesTheLastOfTwoPartsWithOneExtension) {
  const Indexed indexed({{"a.tar", tar_member("1.txt", "old") + tar_member("1.json") +
                                       tar_member("1.txt", "new") + tar_end()}});
  const RawSample sample = indexed.open().read_sample(0, 0);
  EXPECT_EQ(sample.parts.size(), 2U);
  EXPECT_EQ(text_of(*sample.find("txt")), "new");
}

TEST(IndexedDataset, FillsTheHolesOfSparseFiles) {
  const Indexed indexed({{"a.tar", pax_header({{"GNU.sparse.map", "3,2,6,1"}, {"GNU.sparse.size", "8"}}) +
                                       tar_member("1.txt", "abc") + tar_end()}});
  EXPECT_EQ(text_of(*indexed.open().read_sample(0, 0).find("txt")), std::string("\0\0\0ab\0c\0", 8));
}

TEST(IndexedDataset, LeavesOutExcludedShardsAndSamples) {
  const Indexed indexed({{"a.tar", shard_of({"1", "2", "3", "4", "5"})}, {"b.tar", shard_of({"6"})}});
  const std::uint64_t whole = indexed.open().fingerprint();
  indexed.folder().write(
      kSplitFile,
      "split_parts:\n  train: ['{a,b}.tar']\nexclude: [b.tar, 'a.tar/{1,3,4}', a.tar/nope, c.tar/5]\n");
  const IndexedDataset dataset = indexed.open();
  EXPECT_EQ(dataset.sample_count(), 2U);
  EXPECT_EQ(dataset.shards().size(), 1U);
  EXPECT_THAT(dataset.shards()[0].excluded, ElementsAre(0, 2, 3));
  EXPECT_THAT(keys(dataset), ElementsAre("2", "5"));
  EXPECT_NE(dataset.fingerprint(), whole);
}

TEST(IndexedShard, FindsThePlaceOfASample) {
  const IndexedShard shard{.name = "", .path = {}, .samples = 5, .end_offset = 0, .excluded = {0, 3, 4, 8}};
  std::vector<std::uint64_t> places;
  for (std::uint64_t i = 0; i < shard.samples; ++i) places.push_back(shard.stored_place(i));
  EXPECT_THAT(places, ElementsAre(1, 2, 5, 6, 7));
}

TEST(IndexedDataset, HasAFingerprintOfItsContentNotOfItsPlace) {
  const std::vector<std::pair<std::string, std::string>> shards{{"a.tar", shard_of({"1", "2"})},
                                                                {"b.tar", shard_of({"3"})}};
  const std::uint64_t fingerprint = Indexed(shards).open().fingerprint();
  EXPECT_EQ(Indexed(shards).open().fingerprint(), fingerprint);
  EXPECT_NE(Indexed({shards[0]}).open().fingerprint(), fingerprint);
  EXPECT_NE(Indexed({shards[0], {"b.tar", shard_of({"3", "4"})}}).open().fingerprint(), fingerprint);
  EXPECT_NE(Indexed({shards[0], {"c.tar", shards[1].second}}).open().fingerprint(), fingerprint);
}

TEST(IndexedDataset, IsReadByThreadsFromMoreShardsThanStayOpen) {
  std::vector<std::pair<std::string, std::string>> shards;
  for (int i = 0; i < 40; ++i)
    shards.emplace_back(fmt::format("{:02}.tar", i), shard_of({fmt::format("{}", i)}));
  const Indexed indexed(shards);
  const IndexedDataset dataset = indexed.open();
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&dataset, t] {
      for (int i = 0; i < 200; ++i) {
        const auto shard = static_cast<std::size_t>((i * 7 + t) % 40);
        EXPECT_EQ(dataset.read_sample(shard, 0).key, fmt::format("{}", shard));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST(IndexedDataset, SaysWhatToDoWhereSomethingIsMissing) {
  const Indexed indexed({{"a.tar", shard_of({"1"})}});
  const auto refusal = [&](const char* split) {
    return *error_of([&] { IndexedDataset::open(indexed.folder().path(), split); });
  };
  EXPECT_THAT(refusal("nope").hint(), HasSubstr("it has: train, val, test"));
  EXPECT_THAT(refusal("val").what(), HasSubstr("the split val of"));

  std::filesystem::remove(indexed.folder() / "a.tar.idx");
  EXPECT_THAT(refusal("train").hint(), HasSubstr("dfm_index"));
  std::filesystem::remove(indexed.folder() / "a.tar");
  EXPECT_EQ(refusal("train").kind(), ExitCode::storage);
  std::filesystem::remove(indexed.folder() / kInfoFile);
  EXPECT_THAT(refusal("train").what(), HasSubstr("is not indexed"));
}

TEST(IndexedDataset, IsNotOpenedToTheEndWhenTheProgramIsAskedToStop) {
  const Indexed indexed({{"a.tar", shard_of({"1", "2", "3"})}});
  const auto child = dfm::testing::run_in_child([&] {
    StopToken::request("a test");
    return static_cast<int>(dfm::testing::error_of([&] { indexed.open(); }).kind());
  });
  EXPECT_EQ(child.exit_code, static_cast<int>(ExitCode::stopped)) << child.standard_error;
}

TEST(IndexedDataset, RefusesAnIndexThatDoesNotFit) {
  const Indexed indexed({{"a.tar", shard_of({"1", "2"})}});
  const auto refusal = [&] { return *error_of([&] { indexed.open(); }); };
  indexed.folder().write("a.tar", shard_of({"1", "2"}).substr(0, 2000));
  EXPECT_THAT(refusal().what(), HasSubstr("is 2000 bytes long, its index reaches to byte 4096"));
  indexed.folder().write("a.tar", shard_of({"1", "2"}));
  indexed.folder().write(kInfoFile, R"({"shard_counts": {"a.tar": 3}})");
  EXPECT_THAT(refusal().what(), HasSubstr("the index has 2 samples, .info.json says 3"));
  indexed.folder().write(kInfoFile, R"({"shard_counts": {"b.tar": 2}})");
  EXPECT_THAT(refusal().what(), HasSubstr("names shard a.tar, which is not indexed"));
}

TEST(IndexedDataset, NamesTheSampleOfAShardThatWasReplaced) {
  const Indexed indexed({{"a.tar", shard_of({"1", "2"})}});
  const IndexedDataset dataset = indexed.open();
  indexed.folder().write("a.tar", tar_member("1.json") + tar_member("x.txt") + std::string(3000, 'x'));
  const auto mixed = error_of([&] { dataset.read_sample(0, 0); });
  EXPECT_EQ(mixed->kind(), ExitCode::data);
  EXPECT_THAT(mixed->what(), HasSubstr("a.tar, sample 0: files of 1 and of x"));
  EXPECT_THAT(error_of([&] { dataset.read_sample(0, 1); })->what(), HasSubstr("sample 1"));
}

TEST(IndexedDataset, GivesTheShapesThatWereRecorded) {
  const TemporaryFolder folder;
  std::filesystem::copy(kGolden / "plain", folder / "set", std::filesystem::copy_options::recursive);
  const auto root = folder / "set";
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root)) {
    std::filesystem::permissions(entry.path(), std::filesystem::perms::owner_all);
  }
  std::vector<ShapesOfShard> table;
  std::vector<ShardResult> results;
  for (const ShardCount& shard : read_dataset_info(root).shards) {
    results.push_back(index_shard(root, shard.name, tensor_shape_reader()));
    const ShardSummary& summary = results.back().summary;
    table.push_back({shard.name, summary.samples, summary.end_offset, summary.rows_hash});
  }
  ShapesWriter writer(root, 16, table);
  for (const ShardResult& result : results) writer.append(result.rows);
  writer.commit();

  const IndexedDataset dataset = IndexedDataset::open(root, "train");
  ASSERT_TRUE(dataset.has_shapes());
  EXPECT_EQ(dataset.text_width(), 16U);
  EXPECT_EQ(dataset.shape(2, 19), (SampleShape{16, 1, 2, 2, 2}));  // golden: latents [16,1,2,2], texts [2,16]

  folder.write("set/shard-000001.tar", shard_of({"1"}));
  index_shard(root, "shard-000001.tar");
  folder.write(
      "set/.nv-meta/.info.json",
      R"({"shard_counts": {"shard-000000.tar": 20, "shard-000001.tar": 1, "shard-000002.tar": 20}})");
  EXPECT_THAT(error_of([&] { IndexedDataset::open(root, "train"); })->what(),
              HasSubstr("the recorded shapes are of another shard-000001.tar"));
}

}  // namespace
}  // namespace dfm::data::testing
