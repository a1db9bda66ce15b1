// A header is never trusted: whatever it says, reading gives a data error or tensors that lie in the file.
#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "ckpt/safetensors.h"
#include "support/errors.h"
#include "support/seed.h"
#include "support/temporary_folder.h"
#include "unit/ckpt/safetensors_bytes.h"

namespace dfm::ckpt {
namespace {

using testing::error_of;
using ::testing::HasSubstr;
using testing::TemporaryFolder;
using testing::write_file;

// Opens these bytes and reads every tensor of them.
void read_all(const TemporaryFolder& folder, const std::string& bytes) {
  write_file(folder / "x.safetensors", bytes);
  const SafetensorsFile file(folder / "x.safetensors");
  for (const TensorEntry& entry : file.entries()) file.read(entry.name);
}

std::string refusal_of_bytes(const std::string& bytes) {
  const TemporaryFolder folder;
  const Error error = error_of([&] { read_all(folder, bytes); });
  EXPECT_EQ(error.kind(), ExitCode::data);
  EXPECT_THAT(error.what(), HasSubstr("x.safetensors"));
  return error.what();
}

// Of a file with this header and 16 bytes of data.
std::string refusal(const std::string& header) {
  return refusal_of_bytes(safetensors_bytes(header, std::string(16, 'x')));
}

std::string tensor(const std::string& dtype, const std::string& shape, const std::string& offsets) {
  return fmt::format(R"({{"w":{{"dtype":{},"shape":{},"data_offsets":{}}}}})", dtype, shape, offsets);
}

const std::string kSound =
    safetensors_bytes(R"({"__metadata__":{"a":"b"},"v":{"dtype":"F16","shape":[2,2],"data_offsets":[0,8]},)"
                      R"("w":{"dtype":"F32","shape":[2],"data_offsets":[8,16]}})",
                      std::string(16, 'x'));

TEST(HostileSafetensors, TheSoundFileOfTheseTestsIsAccepted) {
  const TemporaryFolder folder;
  EXPECT_NO_THROW(read_all(folder, kSound));
  EXPECT_NO_THROW(
      read_all(folder, safetensors_bytes(tensor(R"("F64")", "[2]", "[0,16]"), std::string(16, 'x'))));
}

TEST(HostileSafetensors, EveryTruncationIsRefused) {
  for (std::size_t length = 0; length < kSound.size(); ++length) refusal_of_bytes(kSound.substr(0, length));
}

TEST(HostileSafetensors, NoFlippedBitCrashes) {
  const TemporaryFolder folder;
  for (std::size_t bit = 0; bit < 8 * kSound.size(); ++bit) {
    std::string bytes = kSound;
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << bit % 8));
    try {
      read_all(folder, bytes);
    } catch (const Error& error) {
      ASSERT_EQ(error.kind(), ExitCode::data) << "bit " << bit << ": " << error.what();
    }
  }
}

TEST(HostileSafetensors, NoRandomDamageCrashes) {
  std::mt19937 random(testing::announced_seed());
  const TemporaryFolder folder;
  for (int round = 0; round < 3000; ++round) {
    std::string bytes = kSound;
    for (int change = 0; change < 3; ++change) {
      const std::size_t at = 8 + random() % (bytes.size() - 8);
      bytes[at] = "0123456789{}[]\",:-.eE \xff"[random() % 23];
    }
    try {
      read_all(folder, bytes);
    } catch (const Error& error) {
      ASSERT_EQ(error.kind(), ExitCode::data) << error.what();
    }
  }
}

TEST(HostileSafetensors, HeaderLengthsBeyondTheFileAreRefused) {
  for (const std::uint64_t length : {17ULL, 1ULL << 31U, 1ULL << 32U, 1ULL << 63U, ~0ULL, ~0ULL - 7}) {
    EXPECT_THAT(refusal_of_bytes(with_length(length, std::string(16, ' '))), HasSubstr("its header claims"));
  }
}

TEST(HostileSafetensors, AHugeHeaderIsRefusedBeforeItIsRead) {
  const TemporaryFolder folder;
  write_file(folder / "x.safetensors", with_length(100'000'001, "{}"));
  ASSERT_EQ(::truncate((folder / "x.safetensors").c_str(), 1LL << 40U), 0);
  EXPECT_THAT(error_of([&] { SafetensorsFile(folder / "x.safetensors"); }).what(), HasSubstr("100000001"));
}

TEST(HostileSafetensors, AHeaderThatIsNoObjectIsRefused) {
  for (const char* const header :
       {"", " ", "[]", "[1,2]", "null", "3", "\"x\"", "{", "{}x", "\xff", "{\"a\":1,}"})
    refusal(header);
}

TEST(HostileSafetensors, ManyTensorsDoNotTakeLong) {
  std::string header = "{";
  for (int i = 0; i < 200'000; ++i) {
    header +=
        fmt::format(R"({}"{}":{{"dtype":"U8","shape":[0],"data_offsets":[0,0]}})", i == 0 ? "" : ",", i);
  }
  const TemporaryFolder folder;
  write_file(folder / "x.safetensors", safetensors_bytes(header + "}", ""));
  EXPECT_EQ(SafetensorsFile(folder / "x.safetensors").entries().size(), 200'000U);
}

TEST(HostileSafetensors, MissingAndWrongFieldsAreRefused) {
  refusal(R"({"w":{}})");
  refusal(R"({"w":[]})");
  refusal(R"({"w":5})");
  refusal(R"({"w":{"dtype":"F32","shape":[4]}})");
  refusal(R"({"w":{"dtype":"F32","data_offsets":[0,16]}})");
  refusal(R"({"w":{"shape":[4],"data_offsets":[0,16]}})");
  refusal(R"({"__metadata__":{"a":5}})");
  refusal(R"({"__metadata__":["a"]})");
  for (const char* const dtype : {"5", "null", "\"F31\"", "\"f32\"", "\"\"", "[\"F32\"]"})
    refusal(tensor(dtype, "[4]", "[0,16]"));
}

TEST(HostileSafetensors, ATensorThatComesTwiceIsRefused) {
  const std::string once = R"("w":{"dtype":"F32","shape":[4],"data_offsets":[0,16]})";
  EXPECT_THAT(refusal("{" + once + "," + once + "}"), HasSubstr("twice"));
}

TEST(HostileSafetensors, ShapesThatAreNoShapesAreRefused) {
  for (const char* const shape :
       {"[-4]", "[-2,-2]", "4", "\"4\"", "[4.0]", "[true,4]", "[\"4\"]", "[[4]]", "null", "{\"a\":4}",
        "[4e0]", "[18446744073709551615]", "[99999999999999999999]"}) {
    refusal(tensor(R"("F32")", shape, "[0,16]"));
  }
}

TEST(HostileSafetensors, ShapesThatOverflowAreRefused) {
  refusal(tensor(R"("F32")", "[4294967296,4294967296,4]", "[0,16]"));
  refusal(tensor(R"("F64")", "[2305843009213693952]", "[0,0]"));  // 2^61 * 8 = 0 in 64 bits
  refusal(tensor(R"("F64")", "[2305843009213693954]", "[0,16]"));
  refusal(tensor(R"("F32")", "[4611686018427387904]", "[0,0]"));
}

TEST(HostileSafetensors, OffsetsOutsideTheDataAreRefused) {
  for (const char* const offsets :
       {"[1,17]", "[16,32]", "[0,32]", "[16,0]", "[-16,0]", "[0]", "[]", "[0,16,32]", "[0.0,16.0]", "5",
        "null", "[18446744073709551608,8]", "[4294967296,4294967312]"}) {
    refusal(tensor(R"("F32")", "[4]", offsets));
  }
}

TEST(HostileSafetensors, OffsetsThatDoNotFitTheShapeAreRefused) {
  refusal(tensor(R"("F32")", "[4]", "[0,12]"));
  refusal(tensor(R"("F32")", "[3]", "[0,16]"));
  refusal(tensor(R"("F16")", "[4]", "[0,16]"));
  refusal(tensor(R"("F32")", "[0]", "[0,16]"));
}

TEST(HostileSafetensors, TensorsThatOverlapAreRefused) {
  EXPECT_THAT(
      refusal(
          R"({"v":{"dtype":"U8","shape":[9],"data_offsets":[0,9]},"w":{"dtype":"U8","shape":[8],"data_offsets":[8,16]}})"),
      HasSubstr("overlap"));
  EXPECT_THAT(
      refusal(
          R"({"v":{"dtype":"U8","shape":[16],"data_offsets":[0,16]},"w":{"dtype":"U8","shape":[16],"data_offsets":[0,16]}})"),
      HasSubstr("overlap"));
}

TEST(HostileSafetensors, EmptyTensorsMayLieAnywhere) {
  const TemporaryFolder folder;
  EXPECT_NO_THROW(
      read_all(folder, safetensors_bytes(R"({"v":{"dtype":"U8","shape":[0],"data_offsets":[4,4]},)"
                                         R"("w":{"dtype":"U8","shape":[16],"data_offsets":[0,16]}})",
                                         std::string(16, 'x'))));
}

TEST(HostileSafetensors, WhatCannotBeReadIsAStorageError) {
  const TemporaryFolder folder;
  EXPECT_EQ(error_of([&] { SafetensorsFile(folder / "nowhere.safetensors"); }).kind(), ExitCode::storage);
  EXPECT_EQ(error_of([&] { SafetensorsFile(folder.path()); }).kind(), ExitCode::storage);
}

}  // namespace
}  // namespace dfm::ckpt
