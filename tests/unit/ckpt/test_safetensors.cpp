#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "ckpt/safetensors.h"
#include "support/errors.h"
#include "support/temporary_folder.h"
#include "unit/ckpt/safetensors_bytes.h"

namespace dfm::ckpt {
namespace {

using ::testing::ElementsAre;
using testing::error_of;
using ::testing::HasSubstr;
using testing::TemporaryFolder;

// By hand, after the format's own description (github.com/huggingface/safetensors).
TEST(Safetensors, ReadsAFileMadeByHand) {
  const TemporaryFolder folder;
  const std::string header =
      R"({"__metadata__":{"format":"pt"},"b":{"dtype":"F32","shape":[2],"data_offsets":[8,16]},)"
      R"("a":{"dtype":"I64","shape":[],"data_offsets":[0,8]}})";
  const std::string data(
      "\x2a\0\0\0\0\0\0\0"
      "\0\0\x80\x3f"
      "\0\0\x20\xc0",
      16);  // 42; 1.0, -2.5
  testing::write_file(folder / "x.safetensors", safetensors_bytes(header, data));
  const SafetensorsFile file(folder / "x.safetensors");
  EXPECT_THAT(file.metadata(), ElementsAre(std::pair<const std::string, std::string>("format", "pt")));
  ASSERT_EQ(file.entries().size(), 2U);
  EXPECT_EQ(file.entries()[0].name, "b");
  EXPECT_EQ(file.entries()[0].shape, (Shape{2}));
  EXPECT_THAT(file.read("b").as<float>(), ElementsAre(1.0F, -2.5F));
  EXPECT_EQ(file.read("a").dtype, DType::int64);
  EXPECT_TRUE(file.read("a").shape.empty());
  EXPECT_THAT(file.read("a").as<std::int64_t>(), ElementsAre(42));
}

TEST(Safetensors, WritesTheLengthAPaddedHeaderAndTheData) {
  const TemporaryFolder folder;
  SafetensorsWriter writer(folder / "x.safetensors", {{"w", DType::uint8, {3}}}, {{"step", "7"}});
  writer.append(std::as_bytes(std::span("abc", 3)));
  writer.commit();
  const std::string bytes = testing::file_content(folder / "x.safetensors");
  const std::uint64_t length = static_cast<unsigned char>(bytes[0]);
  EXPECT_EQ(bytes.substr(1, 7), std::string(7, '\0'));
  EXPECT_EQ(length % 8, 0U);
  const auto header = nlohmann::json::parse(bytes.substr(8, length));
  EXPECT_EQ(header, nlohmann::json::parse(R"({"__metadata__": {"step": "7"},
                                              "w": {"dtype": "U8", "shape": [3], "data_offsets": [0, 3]}})"));
  EXPECT_EQ(bytes.substr(8 + length), "abc");
}

TEST(Safetensors, EveryTypeAndShapeComesBack) {
  const TemporaryFolder folder;
  std::vector<TensorEntry> entries;
  for (int i = 0; i <= static_cast<int>(DType::boolean); ++i) {
    const auto dtype = static_cast<DType>(i);
    entries.push_back({std::string(name_of(dtype)) + " \"quoted\"/\xc3\xa9", dtype, {2, i, 3}});
    entries.push_back({std::string(name_of(dtype)) + ".scalar", dtype, {}});
  }
  SafetensorsWriter writer(folder / "x.safetensors", entries, {{"key", "text\nof lines"}});
  std::vector<std::string> contents;
  for (const TensorEntry& entry : entries) {
    contents.emplace_back(entry.size_bytes(), static_cast<char>('a' + contents.size()));
    writer.append(std::as_bytes(std::span(contents.back())));
  }
  writer.commit();

  const SafetensorsFile file(folder / "x.safetensors");
  EXPECT_EQ(file.metadata().at("key"), "text\nof lines");
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const Array array = file.read(entries[i].name);
    EXPECT_EQ(array.dtype, entries[i].dtype);
    EXPECT_EQ(array.shape, entries[i].shape);
    const auto bytes = array.as<char>();
    EXPECT_EQ(std::string(bytes.begin(), bytes.end()), contents[i]) << entries[i].name;
  }
}

TEST(Safetensors, ATensorMayBeWrittenInPieces) {
  const TemporaryFolder folder;
  SafetensorsWriter writer(folder / "x.safetensors", {{"w", DType::int8, {6}}}, {});
  for (const std::string piece : {"ab", "", "cdef"}) writer.append(std::as_bytes(std::span(piece)));
  writer.commit();
  EXPECT_THAT(SafetensorsFile(folder / "x.safetensors").read("w").as<char>(),
              ElementsAre('a', 'b', 'c', 'd', 'e', 'f'));
}

TEST(Safetensors, NoFileAppearsBeforeItIsComplete) {
  const TemporaryFolder folder;
  {
    SafetensorsWriter writer(folder / "x.safetensors", {{"w", DType::int8, {6}}}, {});
    EXPECT_EQ(error_of([&] { writer.commit(); }).kind(), ExitCode::internal);
  }
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(Safetensors, MoreBytesThanAnnouncedAreAMistakeOfTheProgram) {
  const TemporaryFolder folder;
  SafetensorsWriter writer(folder / "x.safetensors", {{"w", DType::int8, {2}}}, {});
  EXPECT_EQ(error_of([&] { writer.append(std::as_bytes(std::span("abc", 3))); }).kind(), ExitCode::internal);
}

TEST(Safetensors, AnUnknownTensorIsADataErrorThatNamesFileAndTensor) {
  const TemporaryFolder folder;
  testing::write_file(folder / "x.safetensors", safetensors_bytes("{}", ""));
  const SafetensorsFile file(folder / "x.safetensors");
  EXPECT_FALSE(file.has("w"));
  const Error error = error_of([&] { file.read("w"); });
  EXPECT_EQ(error.kind(), ExitCode::data);
  EXPECT_THAT(error.what(), ::testing::AllOf(HasSubstr("x.safetensors"), HasSubstr("tensor w")));
}

}  // namespace
}  // namespace dfm::ckpt
