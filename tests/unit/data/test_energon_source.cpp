// Decoding of samples, and a folder made with dfm's own writers as a source.
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "data/energon/index_metadata.h"
#include "data/energon/shape_reader.h"
#include "data/energon/tar_index.h"
#include "data/loader/decode_sample.h"
#include "data/loader/energon_source.h"
#include "data/tar/shard_writer.h"
#include "data/tensor/tensor_file.h"
#include "unit/data/indexed_shard.h"
#include "unit/data/shards.h"

namespace dfm::data {
namespace {

using ::testing::AllOf;
using testing::error_of;
using ::testing::HasSubstr;
using ::testing::Not;

Array numbers(const Shape& shape, DType dtype, float first = 0) {
  std::vector<float> values(static_cast<std::size_t>(element_count(shape)));
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = first + static_cast<float>(i) / 8;
  return from_floats(values, shape, dtype);
}

RawSample raw(const Array& latent, const Array& text, const std::string& pth = "pth") {
  return {"000007",
          {{"json", {}},
           {pth, ByteRange::owning(write_pth(latent))},
           {"pickle", ByteRange::owning(write_numpy_pickle(text))}}};
}

const Array kText = numbers({3, 8}, DType::float16);

TEST(DecodeSample, ReadsLatentAndText) {
  const Array latent = numbers({16, 1, 2, 2}, DType::bfloat16);
  const Sample sample = decode_sample(raw(latent, kText));
  EXPECT_EQ(sample.key, "000007");
  EXPECT_EQ(sample.latent.dtype, DType::bfloat16);
  EXPECT_EQ(sample.latent.bytes, latent.bytes);
  EXPECT_EQ(sample.text.bytes, kText.bytes);
}

TEST(DecodeSample, TakesAPartWhoseNameBeginsWithADot) {
  const Array latent = numbers({16, 1, 2, 2}, DType::float32);
  EXPECT_EQ(decode_sample(raw(latent, kText, ".pth")).latent.bytes, latent.bytes);
}

TEST(DecodeSample, DropsLeadingAxesOfOne) {
  const Sample sample =
      decode_sample(raw(numbers({1, 16, 1, 2, 2}, DType::float32), numbers({1, 3, 8}, DType::float32)));
  EXPECT_EQ(sample.latent.shape, (Shape{16, 1, 2, 2}));
  EXPECT_EQ(sample.text.shape, (Shape{3, 8}));
}

TEST(DecodeSample, KeepsAxesOfOneThatAreNotLeading) {
  EXPECT_EQ(decode_sample(raw(numbers({1, 1, 2, 2}, DType::float32), kText)).latent.shape,
            (Shape{1, 1, 2, 2}));
}

void expect_refused(const RawSample& sample, const std::string& why) {
  const auto error = error_of([&] { decode_sample(sample); });
  ASSERT_TRUE(error) << why;
  EXPECT_EQ(error->kind(), ExitCode::data);
  EXPECT_THAT(error->what(), AllOf(HasSubstr("sample 000007 cannot be used"), HasSubstr(why)));
}

TEST(DecodeSample, RefusesNumbersThatAreNotFiniteOrTooLarge) {
  for (const float bad :
       {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(), 1001.0F, -1e6F}) {
    Array latent = numbers({16, 1, 2, 2}, DType::float32);
    latent.as<float>()[17] = bad;
    expect_refused(raw(latent, kText), "latent holds numbers that are not finite or above 1000");
    Array text = numbers({3, 8}, DType::float32);
    text.as<float>()[5] = bad;
    expect_refused(raw(numbers({16, 1, 2, 2}, DType::float32), text), "text holds numbers");
  }
}

TEST(DecodeSample, TakesNumbersUpToAThousand) {
  Array latent = numbers({16, 1, 2, 2}, DType::float32);
  latent.as<float>()[0] = -1000.0F;
  EXPECT_EQ(decode_sample(raw(latent, kText)).latent.as<float>()[0], -1000.0F);
}

TEST(DecodeSample, RefusesMissingParts) {
  RawSample sample = raw(numbers({16, 1, 2, 2}, DType::float32), kText);
  sample.parts.pop_back();
  expect_refused(sample, "it has no .pickle part");
}

TEST(DecodeSample, RefusesTensorsOfAnotherRank) {
  expect_refused(raw(numbers({16, 2, 2}, DType::float32), kText), "[16, 2, 2], not 4 axes");
  expect_refused(raw(numbers({2, 16, 1, 2, 2}, DType::float32), kText), "not 4 axes");
  expect_refused(raw(numbers({16, 1, 2, 2}, DType::float32), numbers({8}, DType::float32)),
                 "[8], not 2 axes");
}

TEST(DecodeSample, RefusesTensorsWithoutElements) {
  expect_refused(raw(make_array(DType::float32, {16, 0, 2, 2}), kText), "[16, 0, 2, 2]");
  expect_refused(raw(numbers({16, 1, 2, 2}, DType::float32), make_array(DType::float32, {0, 8})), "[0, 8]");
}

TEST(DecodeSample, RefusesIntegers) {
  expect_refused(raw(make_array(DType::int64, {16, 1, 2, 2}), kText), "int64");
}

TEST(DecodeSample, RefusesDamagedFiles) {
  RawSample sample = raw(numbers({16, 1, 2, 2}, DType::float32), kText);
  sample.parts[1].content = sample.parts[1].content.part(0, sample.parts[1].content.size() / 2);
  expect_refused(sample, "000007.pth");
}

// Two shards of samples with latents that hold their number; indexed.
class Folder {
 public:
  Folder() {
    IndexReport report;
    for (int shard = 0; shard < 2; ++shard) {
      const std::string name = fmt::format("shard_{:06}.tar", shard);
      ShardWriter writer(folder_ / name);
      for (int i = 0; i < 3 + shard; ++i) add_sample(writer, 3 * shard + i);
      writer.commit();
      report.shards.push_back({name, testing::index_shard(folder_.path(), name).summary.samples});
    }
    prepare_meta_folder({.root = folder_.path()});
    write_metadata({.root = folder_.path()}, report);
  }
  const std::filesystem::path& path() const { return folder_.path(); }

 private:
  static void add_sample(ShardWriter& writer, int number) {
    const std::string key = fmt::format("{:06}", number);
    writer.add(key + ".pth", write_pth(numbers({16, 1, 2, 2 + 2 * (number % 2)}, DType::bfloat16,
                                               static_cast<float>(number))));
    writer.add(key + ".pickle", write_numpy_pickle(kText));
    const std::string json = fmt::format(R"({{"aesthetic_score": {}}})", number);
    const auto bytes = std::as_bytes(std::span(json));
    writer.add(key + ".json", {bytes.begin(), bytes.end()});
  }

  testing::TemporaryFolder folder_;
};

TEST(EnergonSource, ReadsHeadersWhereNoShapesAreRecorded) {
  const Folder folder;  // indexed without a reader of shapes, as energon prepare does
  const SampleSource source = energon_source(folder.path(), "train");
  EXPECT_EQ(source.count(), 7);
  EXPECT_EQ(source.text_width, 8);
  EXPECT_EQ(source.shape(3), (SampleShape{16, 1, 2, 4, 3}));
  EXPECT_EQ(source.read(3)->latent.shape, (Shape{16, 1, 2, 4}));
}

TEST(ReadRawSample, ReadsLargeSamplesInPlaceAndSmallOnesAtOnce) {
  const testing::TemporaryFolder folder;
  const Array large = numbers({16, 1, 64, 96}, DType::float32);
  ShardWriter writer(folder / "a.tar");
  writer.add("1.json", std::vector<std::byte>(7));
  writer.add("1.pth", write_pth(large));
  writer.add("1.pickle", write_numpy_pickle(kText));
  writer.add("2.pth", write_pth(kText));
  writer.commit();
  const auto file = std::make_shared<const File>(File::open_to_read(folder / "a.tar"));
  std::vector<std::byte> bytes(file->size());
  file->read_exactly(bytes, 0);
  testing::index_shard(folder.path(), "a.tar");
  const std::uint64_t second = read_tar_index(folder / "a.tar", bytes.size()).at(1);
  const RawSample in_place = read_raw_sample(file, 0, second);
  const RawSample at_once = parse_sample(ByteRange::of(std::span(bytes).first(second)), 0);
  EXPECT_EQ(in_place.key, "1");
  ASSERT_EQ(in_place.parts.size(), 3U);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(in_place.parts[i].extension, at_once.parts[i].extension);
    EXPECT_EQ(in_place.parts[i].content.bytes(), at_once.parts[i].content.bytes());
  }
  EXPECT_GT(second, 256U << 10U);
  const auto too_large = error_of([&] { decode_sample(in_place); });  // numbers above 1000
  ASSERT_TRUE(too_large);
  EXPECT_THAT(too_large->what(), HasSubstr("above 1000"));
  const RawSample small = read_raw_sample(file, second, bytes.size() - 1024);
  EXPECT_EQ(small.key, "2");
}

TEST(EnergonSource, SaysWhatHappenedToAShardThatChanges) {
  const Folder folder;
  const SampleSource source = energon_source(folder.path(), "train");
  source.read(0);
  const auto shard = folder.path() / "shard_000000.tar", other = folder.path() / "shard_000001.tar";
  std::filesystem::resize_file(shard, std::filesystem::file_size(shard) / 4);
  const auto shrunk = error_of([&] { source.read(2); });
  ASSERT_TRUE(shrunk);
  EXPECT_EQ(shrunk->kind(), ExitCode::data);
  EXPECT_THAT(shrunk->what(), HasSubstr("it shrank while the run was under way"));
  std::filesystem::remove(other);
  const auto removed = error_of([&] { source.read(4); });
  ASSERT_TRUE(removed);
  EXPECT_EQ(removed->kind(), ExitCode::data);
  EXPECT_THAT(removed->what(), HasSubstr("it was removed while the run was under way"));
  EXPECT_NE(removed->hint(), "");
}

TEST(EnergonSource, GivesTheSamplesWhoseScoreIsHighEnough) {
  const Folder folder;
  const SampleSource source = energon_source(folder.path(), "train", {.least_aesthetic_score = 3});
  for (std::int64_t i = 0; i < source.count(); ++i) EXPECT_EQ(source.read(i).has_value(), i >= 3) << i;
  EXPECT_TRUE(energon_source(folder.path(), "train").read(0));
}

SourceIndex as_another_rank_has_it(const SourceIndex& index) {
  return source_index_from_text(to_text(index));
}

TEST(SourceIndex, IsTheSameAfterItsWayToAnotherRank) {
  const Folder folder, other;
  const testing::TemporaryFolder place;
  place.write(
      "blend.yaml",
      fmt::format("__module__: megatron.energon\n__class__: MetadatasetV2\nsplits:\n  train:\n    blend:\n"
                  "      - {{path: {0}, weight: 3, subset: {{range: [1, 5]}}}}\n"
                  "      - {{path: {1}, weight: 1, subset: {{range: [20%, 80%]}}, subflavors: {{a: b}}}}\n"
                  "      - {{path: {0}, weight: 2}}\n",
                  folder.path().native(), other.path().native()));
  for (const auto& path : {folder.path(), place / "blend.yaml"}) {
    const SourceIndex index = read_source_index(path, "train"), there = as_another_rank_has_it(index);
    const SampleSource expected = energon_source(index), ours = energon_source(there);
    EXPECT_EQ(ours.fingerprint, expected.fingerprint);
    EXPECT_EQ(ours.samples_in_shard, expected.samples_in_shard);
    EXPECT_EQ(ours.text_width, expected.text_width);
    EXPECT_EQ(ours.blend.size(), expected.blend.size());
    for (std::int64_t i = 0; i < expected.count(); ++i)
      EXPECT_EQ(ours.read(i)->latent.bytes, expected.read(i)->latent.bytes) << i;
    EXPECT_EQ(to_text(there), to_text(index));
    EXPECT_EQ(files_of({&there}).names, files_of({&index}).names);
  }
}

// Inodes and times of another node say nothing here.
TEST(SourceIndex, OfAnotherRankKnowsShardsByTheirSize) {
  const Folder folder;
  const SampleSource source =
      energon_source(as_another_rank_has_it(read_source_index(folder.path(), "train")));
  const auto shard = folder.path() / "shard_000000.tar";
  std::string content = read_text(shard);
  content[20] = static_cast<char>(content[20] ^ 1);
  dfm::testing::write_file(shard, content);  // in its place: the source has it open
  const auto damaged = error_of([&] { source.read(0); });
  ASSERT_TRUE(damaged);
  EXPECT_THAT(damaged->what(), Not(HasSubstr("while the run was under way")));
  std::filesystem::resize_file(shard, std::filesystem::file_size(shard) / 4);
  const auto shrunk = error_of([&] { source.read(2); });
  ASSERT_TRUE(shrunk);
  EXPECT_THAT(shrunk->what(), HasSubstr("it shrank while the run was under way"));
}

TEST(EnergonSource, OfAFolderWithoutIndexIsADataError) {
  const testing::TemporaryFolder folder;
  const auto error = error_of([&] { energon_source(folder.path(), "train"); });
  ASSERT_TRUE(error);
  EXPECT_EQ(error->kind(), ExitCode::data);
}

TEST(HasSamples, SaysWhichSplitsHoldShards) {
  const Folder folder;
  EXPECT_TRUE(has_samples(folder.path(), "train"));
  EXPECT_FALSE(has_samples(folder.path(), "val"));
  EXPECT_FALSE(has_samples(folder.path(), "holdout"));
}

}  // namespace
}  // namespace dfm::data
