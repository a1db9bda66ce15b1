#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "data/tensor/tensor_file.h"
#include "data/zip/writer.h"
#include "support/tensor_files.h"
#include "unit/data/pickle_bytes.h"

namespace dfm::data {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::kPickle;
using testing::kPth;

Array read_pickled_array(std::span<const std::byte> bytes) {
  return read_tensor(ByteRange::of(bytes), kPickle, "x.pickle");
}

// "check" in a golden KEY.json: the first 16 bits of the latent, as numpy saw them.
std::uint16_t recorded_check(const std::string& json) {
  return static_cast<std::uint16_t>(std::stoul(json.substr(json.find("\"check\": ") + 9)));
}

TEST(GoldenSamples, HoldTheLatentsThatTheirJsonRecords) {
  for (const std::string& data_set : std::vector<std::string>{"plain", "shuffled"}) {
    int samples = 0;
    const auto members = golden_members(data_set);
    for (const auto& [name, bytes] : members) {
      if (!name.ends_with(".pth")) continue;
      const Array latent = read_pth(bytes_of(bytes), name);
      EXPECT_EQ(latent.dtype, DType::bfloat16);
      EXPECT_THAT(latent.shape, ElementsAre(16, 1, 2, 2));
      EXPECT_EQ(latent.as<std::uint16_t>()[0],
                recorded_check(members.at(name.substr(0, name.find('.')) + ".json")));
      ++samples;
    }
    EXPECT_EQ(samples, 20);
  }
}

// Both data sets hold the same tensors, one as torch and one as numpy pickles.
TEST(GoldenSamples, HoldTheSameTextEmbeddingsOfTorchAndOfNumpy) {
  const auto torch = golden_members("plain");
  const auto numpy = golden_members("shuffled");
  int samples = 0;
  for (const auto& [name, bytes] : torch) {
    if (!name.ends_with(".pickle") || !numpy.contains(name)) continue;
    const Array expected = read_pickled_array(bytes_of(numpy.at(name)));
    const Array actual = read_pickled_array(bytes_of(bytes));
    EXPECT_EQ(actual.dtype, DType::float16);
    EXPECT_THAT(actual.shape, ElementsAre(2, 16));
    EXPECT_EQ(actual.dtype, expected.dtype);
    EXPECT_EQ(actual.bytes, expected.bytes);
    ++samples;
  }
  EXPECT_EQ(samples, 20);
}

TEST(TensorHeader, IsReadWithoutTheElements) {
  for (const auto& [name, bytes] : golden_members("plain")) {
    const ByteRange file = testing::as_file(bytes_of(bytes));
    if (name.ends_with(".pth")) {
      EXPECT_EQ(read_tensor_header(file, kPth, name), (TensorHeader{DType::bfloat16, {16, 1, 2, 2}}));
    } else if (name.ends_with(".pickle")) {
      EXPECT_EQ(read_tensor_header(file, kPickle, name), (TensorHeader{DType::float16, {2, 16}}));
    }
  }
}

TEST(TensorHeader, OfALargeFileTakesTwoReads) {
  const Array array = make_array(DType::float32, {1000, 1000});
  for (const bool is_pth : {true, false}) {
    const std::vector<std::byte> bytes = is_pth ? write_pth(array) : write_numpy_pickle(array);
    std::uint64_t read_bytes = 0;
    const auto read_at = [&](std::uint64_t offset, std::span<std::byte> buffer) {
      ByteRange::of(bytes).read(offset, buffer);
      read_bytes += buffer.size();
    };
    EXPECT_EQ(read_tensor_header(ByteRange::through(read_at, bytes.size()), is_pth ? kPth : kPickle, "x"),
              (TensorHeader{DType::float32, {1000, 1000}}));
    EXPECT_LE(read_bytes, 8192U);
  }
}

TEST(TensorHeader, PassesTheErrorsOfItsReader) {
  const auto failing = [](std::uint64_t, std::span<std::byte>) { throw storage_error("the disk is gone"); };
  try {
    read_tensor_header(ByteRange::through(failing, 1000), kPth, "x.pth");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ExitCode::storage);
  }
}

class WrittenFile : public ::testing::TestWithParam<DType> {};

TEST_P(WrittenFile, IsReadBack) {
  for (const Shape& shape : {Shape{2, 3, 4}, Shape{}, Shape{0}, Shape{3, 0, 2}, Shape{1}}) {
    Array array = make_array(GetParam(), shape);
    for (std::size_t i = 0; i < array.bytes.size(); ++i) {
      array.bytes[i] = std::byte(GetParam() == DType::boolean ? i % 2 : 7 * i);
    }
    const auto equals = [&](const Array& other) {
      return other.dtype == array.dtype && other.shape == array.shape && other.bytes == array.bytes;
    };
    EXPECT_TRUE(equals(read_pth(write_pth(array), "x")));
    if (GetParam() == DType::bfloat16) continue;
    EXPECT_TRUE(equals(read_pickled_array(write_numpy_pickle(array))));
  }
}

INSTANTIATE_TEST_SUITE_P(OfEachType, WrittenFile,
                         ::testing::Values(DType::float32, DType::float16, DType::bfloat16, DType::float64,
                                           DType::int64, DType::int32, DType::int16, DType::int8,
                                           DType::uint8, DType::boolean),
                         [](const auto& test) { return std::string(name_of(test.param)); });

TEST(NumpyPickle, OfBfloat16IsNotWritten) {
  EXPECT_THROW(write_numpy_pickle(make_array(DType::bfloat16, {2})), Error);
}

std::string error_of(const std::string& bytes) {
  try {
    read_pth(bytes_of(bytes), "x.pth");
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ExitCode::data);
    return error.what();
  }
  return "no error";
}

// The entries of a sound file, to be changed one by one.
std::string torch_archive(const std::map<std::string, std::string>& changes) {
  const std::string pickle =
      "\x80\x02"
      "ctorch._utils\n_rebuild_tensor_v2\n((" +
      text_opcode("storage") + "ctorch\nFloatStorage\n" + text_opcode("0") + text_opcode("cpu") + "K\x02tQK" +
      '\0' + "K\x02\x85K\x01\x85\x89}tR.";
  std::map<std::string, std::string> entries{
      {"f/data.pkl", pickle}, {"f/data/0", std::string(8, '\0')}, {"f/byteorder", "little"}};
  for (const auto& [name, content] : changes) entries[name] = content;
  ZipWriter writer;
  for (const auto& [name, content] : entries) {
    if (content != "absent") writer.add(name, bytes_of(content));
  }
  return text_of(std::move(writer).finish());
}

TEST(PthFile, MayLackAByteOrderAndHoldUnknownEntries) {
  EXPECT_EQ(error_of(torch_archive({})), "no error");
  EXPECT_EQ(error_of(torch_archive({{"f/byteorder", "absent"}, {"f/.data/serialization_id", "1"}})),
            "no error");
}

// torch writes so the element types that have no storage class; it could write any.
TEST(PthFile, MayNameAnElementTypeOverAnUntypedStorage) {
  const auto pickle = [](const std::string& element_type) {
    return "\x80\x02"
           "ctorch._utils\n_rebuild_tensor_v3\n((" +
           text_opcode("storage") + "ctorch.storage\nUntypedStorage\n" + text_opcode("0") +
           text_opcode("cpu") + "K\x08tQK" + '\0' + "K\x04\x85K\x01\x85\x89}" + element_type + "tR.";
  };
  const Array array = read_pth(
      bytes_of(torch_archive({{"f/data.pkl", pickle("ctorch\nint16\n")}, {"f/data/0", "abcdefgh"}})), "x");
  EXPECT_EQ(array.dtype, DType::int16);
  EXPECT_EQ(text_of(array.bytes), "abcdefgh");
  EXPECT_THAT(error_of(torch_archive({{"f/data.pkl", pickle("ctorch\nint64\n")}})),
              HasSubstr("does not lie in its storage"));
  EXPECT_THAT(error_of(torch_archive({{"f/data.pkl", pickle("ctorch\nTensor\n")}})),
              HasSubstr("Tensor is not an element type"));
  EXPECT_THAT(error_of(torch_archive({{"f/data.pkl", pickle("ctorch\nuint16\n")}})),
              HasSubstr("torch.uint16 is an element type"));
}

TEST(PthFile, MayDescribeAStorageInOneWayOnly) {
  const auto storage = [](const std::string& elements) {
    return "(" + text_opcode("storage") + "ctorch\nFloatStorage\n" + text_opcode("0") + text_opcode("cpu") +
           elements + "tQ";
  };
  const auto pickle = [&](const std::string& elements) {
    return "\x80\x02(" + storage("K\x02") + storage(elements) + "t.";
  };
  EXPECT_THAT(error_of(torch_archive({{"f/data.pkl", pickle("K\x02")}})),
              HasSubstr("it holds a tuple, not one tensor"));
  EXPECT_THAT(error_of(torch_archive({{"f/data.pkl", pickle("K\x01")}})),
              HasSubstr("'0' is described in two ways"));
}

TEST(PthFile, NeedsItsParts) {
  EXPECT_THAT(error_of(torch_archive({{"f/byteorder", "big"}})), HasSubstr("little-endian"));
  EXPECT_THAT(error_of(torch_archive({{"f/data.pkl", "absent"}})), HasSubstr("no entry 'data.pkl'"));
  EXPECT_THAT(error_of(torch_archive({{"g/data.pkl", "."}})), HasSubstr("several entries 'data.pkl'"));
  EXPECT_THAT(error_of(torch_archive({{"f/data/0", "absent"}})), HasSubstr("no entry 'f/data/0'"));
  EXPECT_THAT(error_of(torch_archive({{"f/data/0", "1234567"}})), HasSubstr("7 bytes instead of 8"));
}

TEST(PthFile, TellsTheFileTheEntryAndTheByteOfAMistake) {
  EXPECT_EQ(error_of(torch_archive({{"f/data.pkl",
                                     "\x80\x02"
                                     "cos\nsystem\n)R."}})),
            "x.pth: f/data.pkl: byte 2: os.system is not allowed: only tensors and plain values are read");
}

TEST(PthFile, WhoseElementsAreDamagedIsRefused) {
  std::string bytes = text_of(write_pth(make_array(DType::float32, {1000})));
  bytes[bytes.size() / 2] ^= 1;
  EXPECT_THAT(error_of(bytes), HasSubstr("CRC"));
}

TEST(PthFile, OfAnotherKindIsRefused) {
  EXPECT_THAT(error_of(""), HasSubstr("x.pth: "));
  EXPECT_THAT(error_of("\x89PNG\r\n\x1a\n"), HasSubstr("x.pth: "));
  EXPECT_THAT(error_of("\x80\x02N."), HasSubstr("neither a ZIP archive nor a stream of torch.save"));
}

}  // namespace
}  // namespace dfm::data
