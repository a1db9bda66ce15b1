// Arrays and tensors inside pickles, hand-assembled: what numpy and torch would not write, but a hostile file
// may hold.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "data/pickle/pickle_reader.h"
#include "data/tensor/tensor_file.h"
#include "support/tensor_files.h"
#include "unit/data/pickle_bytes.h"

namespace dfm::data {
namespace {

using namespace std::string_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// The parts of numpy's pickle of int16 [[1, 2, 3], [4, 5, 6]].
struct NumpyParts {
  std::string shape = "K\x02K\x03\x86";
  std::string code = "i2";
  std::string order = "<";
  std::string is_column_major = "\x89";
  std::string bytes = "\x01\x00\x02\x00\x03\x00\x04\x00\x05\x00\x06\x00"s;

  std::string element_type() const {
    return "cnumpy\ndtype\n" + text_opcode(code) + "\x89\x88\x87R(K\x03" + text_opcode(order) +
           "NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK"s + '\0' + "tb";
  }
  std::string pickle() const {
    return "\x80\x03"
           "cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85"s +
           bytes_opcode("b") + "\x87R(K\x01" + shape + element_type() + is_column_major +
           bytes_opcode(bytes) + "tb.";
  }
  std::string from_buffer(const std::string& order_opcodes) const {
    return "\x80\x05"
           "cnumpy._core.numeric\n_frombuffer\n(" +
           bytes_opcode(bytes) + element_type() + shape + order_opcodes + "tR.";
  }
};

// The parts of a torch stream with a float32 storage of four elements, inside _load_from_bytes, viewed as a
// [2, 2] tensor.
struct TorchParts {
  std::string magic = "\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19";
  std::string elements = "K\x04";
  std::string stored_elements = little_endian(std::int64_t{4});
  std::string offset = "K\x00"s;
  std::string shape = "K\x02K\x02\x86";
  std::string strides = "K\x02K\x01\x86";
  std::string more;  // arguments after the hooks

  std::string stream() const {
    return "\x80\x02\x8a\x0a" + magic + ".\x80\x02M\xe9\x03.\x80\x02}.\x80\x02(" + text_opcode("storage") +
           "ctorch\nFloatStorage\n" + text_opcode("7") + text_opcode("cuda:3") + elements + "NtQ.\x80\x02]" +
           text_opcode("7") + "a." + stored_elements + little_endian(1.0F) + little_endian(2.0F) +
           little_endian(3.0F) + little_endian(4.0F);
  }
  std::string storage() const {
    return "ctorch.storage\n_load_from_bytes\n" + bytes_opcode(stream()) + "\x85R";
  }
  std::string tensor() const {
    return "ctorch._utils\n_rebuild_tensor_v2\n(" + storage() + offset + shape + strides +
           "\x89"
           "ccollections\nOrderedDict\n)R" +
           more + "tR";
  }
  std::string pickle() const { return "\x80\x04" + tensor() + "."; }
};

Array read(const std::string& pickle) {
  return read_tensor(ByteRange::of(bytes_of(pickle)), testing::kPickle, "a.pickle");
}

template <class T>
std::vector<T> elements(const Array& array) {
  return {array.as<T>().begin(), array.as<T>().end()};
}

std::string error_of(const std::string& pickle) {
  try {
    read(pickle);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ExitCode::data);
    return error.what();
  }
  return "no error";
}

TEST(PickledNumpyArray, IsReadInRowMajorAndInColumnMajorOrder) {
  NumpyParts parts;
  const Array array = read(parts.pickle());
  EXPECT_EQ(array.dtype, DType::int16);
  EXPECT_THAT(array.shape, ElementsAre(2, 3));
  EXPECT_THAT(elements<std::int16_t>(array), ElementsAre(1, 2, 3, 4, 5, 6));
  parts.is_column_major = "\x88";
  EXPECT_THAT(elements<std::int16_t>(read(parts.pickle())), ElementsAre(1, 3, 5, 2, 4, 6));
}

TEST(PickledNumpyArray, IsReadInBigEndianOrder) {
  NumpyParts parts;
  parts.order = ">";
  EXPECT_THAT(elements<std::int16_t>(read(parts.pickle())),
              ElementsAre(0x100, 0x200, 0x300, 0x400, 0x500, 0x600));
}

TEST(PickledNumpyArray, IsReadFromABufferInEachOrder) {
  const NumpyParts parts;
  EXPECT_THAT(elements<std::int16_t>(read(parts.from_buffer(text_opcode("C")))),
              ElementsAre(1, 2, 3, 4, 5, 6));
  EXPECT_THAT(elements<std::int16_t>(read(parts.from_buffer(text_opcode("F")))),
              ElementsAre(1, 3, 5, 2, 4, 6));
  const Array transposed = read(parts.from_buffer(text_opcode("K") + "K\x01K\x00\x86"s));
  EXPECT_THAT(transposed.shape, ElementsAre(3, 2));
  EXPECT_THAT(elements<std::int16_t>(transposed), ElementsAre(1, 4, 2, 5, 3, 6));
  for (const std::string& axes : std::vector<std::string>{"K\x01K\x01\x86", "K\x01K\x02\x86", "K\x01\x85",
                                                          "J\xff\xff\xff\xffK\x01\x86"}) {
    EXPECT_THAT(error_of(parts.from_buffer(text_opcode("K") + axes)), HasSubstr("axes"));
  }
  EXPECT_THAT(error_of(parts.from_buffer(text_opcode("A"))), HasSubstr("order 'A'"));
}

TEST(PickledNumpyArray, NeedsAsManyBytesAsItsShapeSays) {
  for (const std::string& shape :
       std::vector<std::string>{"K\x02K\x02\x86", "K\x02K\x04\x86", "K\x07\x85", ")", "J\xff\xff\xff\xff\x85",
                                "J\xff\xff\xff\x7fJ\xff\xff\xff\x7f\x86",
                                "J\xff\xff\xff\x7fJ\xff\xff\xff\x7fJ\xff\xff\xff\x7f\x87"}) {
    NumpyParts parts;
    parts.shape = shape;
    EXPECT_THAT(error_of(parts.pickle()), HasSubstr("shape")) << shape;
  }
}

TEST(PickledNumpyArray, RefusesElementTypesThatAreNoNumbers) {
  for (const std::string& code : std::vector<std::string>{"O8", "V12", "U3", "S2", "M8", "u2", "u4", "u8",
                                                          "c8", "f16", ">f4", "", "b2"}) {
    NumpyParts parts;
    parts.code = code;
    EXPECT_THAT(error_of(parts.pickle()), HasSubstr("element type '" + code + "' is not supported"));
  }
}

TEST(PickledNumpyArray, ThatWasNeverFilledIsRefused) {
  EXPECT_THAT(error_of("\x80\x03"
                       "cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85"s +
                       bytes_opcode("b") + "\x87R."),
              HasSubstr("an array without content"));
}

TEST(PickledNumpyArray, OfAnotherClassIsRefused) {
  EXPECT_THAT(error_of("\x80\x03"
                       "cnumpy.core.multiarray\n_reconstruct\nctorch\nTensor\nK\x00\x85"s +
                       bytes_opcode("b") + "\x87R."),
              HasSubstr("a class other than"));
}

TEST(PickledNumpyScalar, IsAnArrayWithoutDimensions) {
  NumpyParts parts;
  const Array array = read(
      "\x80\x03"
      "cnumpy.core.multiarray\nscalar\n" +
      parts.element_type() + bytes_opcode("\x07\x01") + "\x86R.");
  EXPECT_TRUE(array.shape.empty());
  EXPECT_THAT(elements<std::int16_t>(array), ElementsAre(0x107));
}

TEST(PickledBooleans, AreZeroOrOne) {
  NumpyParts parts;
  parts.code = "b1";
  parts.order = "|";
  parts.shape = "K\x03\x85";
  parts.bytes = "\x00\xff\x02"s;
  EXPECT_THAT(elements<std::uint8_t>(read(parts.pickle())), ElementsAre(0, 1, 1));
}

TEST(PickledTensor, IsReadWhateverDeviceItWasOn) {
  const Array array = read(TorchParts().pickle());
  EXPECT_EQ(array.dtype, DType::float32);
  EXPECT_THAT(array.shape, ElementsAre(2, 2));
  EXPECT_THAT(elements<float>(array), ElementsAre(1, 2, 3, 4));
}

TEST(PickledTensor, IsReadThroughItsStrides) {
  TorchParts parts;
  parts.strides = "K\x01K\x02\x86";
  EXPECT_THAT(elements<float>(read(parts.pickle())), ElementsAre(1, 3, 2, 4));
  parts.strides = "K\x01K\x01\x86";
  parts.offset = "K\x01";
  EXPECT_THAT(elements<float>(read(parts.pickle())), ElementsAre(2, 3, 3, 4));
}

TEST(PickledTensor, MustLieInItsStorage) {
  const auto refuses = [](const std::string& offset, const std::string& shape, const std::string& strides) {
    TorchParts parts;
    parts.offset = offset;
    parts.shape = shape;
    parts.strides = strides;
    EXPECT_NE(error_of(parts.pickle()), "no error") << offset << shape << strides;
  };
  const std::string four = "K\x04\x85";
  const std::string one = "K\x01\x85";
  const std::string huge = "\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f";
  refuses("K\x01", four, one);
  refuses("K\x00"s, "K\x05\x85", one);
  refuses("K\x00"s, four, "K\x02\x85");
  refuses("J\xff\xff\xff\xff", four, one);
  refuses("K\x03", four, "J\xff\xff\xff\xff\x85");
  refuses("K\x05", ")", ")");
  refuses("K\x04", ")", ")");
  refuses(huge, four, one);
  refuses("K\x00"s, "K\x02\x85", huge + "\x85");
  refuses("K\x00"s, huge + "\x85", one);
  refuses("K\x00"s, huge + huge + "\x86", "K\x00K\x00\x86"s);
  refuses("K\x00"s, four, "K\x01K\x01\x86");
  refuses("K\x00"s, "J\xff\xff\xff\xff\x85", one);
}

TEST(PickledTensor, OfManyDimensionsIsRefused) {
  TorchParts parts;
  parts.shape.clear();
  for (int i = 0; i < 100; ++i) parts.shape += "K\x01";
  parts.shape = parts.strides = "(" + parts.shape + "t";
  EXPECT_THAT(error_of(parts.pickle()), HasSubstr("100 dimensions"));
}

TEST(PickledTensor, WithExtentsOfOneMayHaveAnyStrides) {
  TorchParts parts;
  parts.shape = "K\x01K\x02K\x01\x87";
  parts.strides = "\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7fK\x02\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f\x87";
  EXPECT_THAT(elements<float>(read(parts.pickle())), ElementsAre(1, 3));
}

TEST(PickledTensor, MayNotExpandToMuchMoreThanItsFile) {
  TorchParts parts;
  parts.strides = "K\x00K\x00\x86"s;
  parts.shape = "M\xe8\x03K\x64\x86";  // 400 kB
  EXPECT_EQ(read(parts.pickle()).count(), 100000);
  parts.shape = "M\xe8\x03M\xe8\x03\x86";  // 4 MB
  EXPECT_THAT(error_of(parts.pickle()), HasSubstr("expand to far more in memory"));
  const std::string pickle = parts.pickle();
  EXPECT_THROW(read_tensor_header(ByteRange::of(bytes_of(pickle)), testing::kPickle, "a.pickle"), Error);
}

TEST(PickledTensor, MayNotBeExpandedManyTimes) {
  TorchParts parts;
  parts.strides = "K\x00K\x00\x86"s;
  parts.shape = "M\xe8\x03K\x64\x86";
  std::string list = "\x80\x04](" + parts.tensor() + "q"s + '\0';
  for (int i = 0; i < 100; ++i) list += "h"s + '\0';
  EXPECT_THROW(read_pickle(bytes_of(list + "e."), "a.pickle"), Error);
}

TEST(PickledTensor, MayNotNameItsStreamManyTimes) {
  const std::string long_stream = TorchParts().stream() + std::string(1U << 20U, '\0');
  std::string pickle =
      "\x80\x04" + bytes_opcode(long_stream) + "q"s + '\0' + "(ctorch.storage\n_load_from_bytes\nq\x01";
  for (int i = 0; i < 100; ++i) pickle += "h\x01h"s + '\0' + "\x85R";
  EXPECT_NE(error_of(pickle + "t."), "no error");
}

TEST(PickledTensor, NeedsASoundStream) {
  TorchParts parts;
  parts.stored_elements = little_endian(std::int64_t{5});
  EXPECT_THAT(error_of(parts.pickle()), HasSubstr("described in two ways"));
  parts = {};
  parts.elements = "K\x05";
  EXPECT_NE(error_of(parts.pickle()), "no error");
  parts = {};
  parts.magic[3] ^= 1;
  EXPECT_THAT(error_of(parts.pickle()), HasSubstr("neither a ZIP archive nor a stream"));
  parts = {};
  parts.elements = "J\xff\xff\xff\xff";
  EXPECT_THAT(error_of(parts.pickle()), HasSubstr("a storage of -1 elements"));
}

TEST(PickledTensor, WithLazyFlagsIsRefused) {
  TorchParts parts;
  parts.more = "}" + text_opcode("conj") + "\x89s";
  EXPECT_EQ(read(parts.pickle()).count(), 4);
  parts.more = "}" + text_opcode("conj") + "\x88s";
  EXPECT_THAT(error_of(parts.pickle()), HasSubstr("'conj'"));
}

TEST(PickledTensor, OfAnotherClassIsRefused) {
  const auto from_type = [](const std::string& function, const std::string& type,
                            const std::string& arguments) {
    return "ctorch._tensor\n_rebuild_from_type_v2\n(" + function + type + arguments + "}tR";
  };
  const std::string tensor_class = "ctorch\nTensor\n";
  const std::string parameter = "ctorch._utils\n_rebuild_parameter\n";
  const std::string arguments = TorchParts().tensor() + "\x88}\x87";
  EXPECT_EQ(read("\x80\x04" + from_type(parameter, tensor_class, arguments) + ".").count(), 4);
  EXPECT_THAT(error_of("\x80\x04" + from_type(parameter, "cnumpy\nndarray\n", arguments) + "."),
              HasSubstr("a class other than"));
  EXPECT_THAT(error_of("\x80\x04" + from_type("cnumpy\ndtype\n", tensor_class, arguments) + "."),
              HasSubstr("a class other than"));
  EXPECT_THAT(error_of("\x80\x04" +
                       from_type("ctorch._tensor\n_rebuild_from_type_v2\n", tensor_class, arguments) + "."),
              HasSubstr("a class other than"));
}

TEST(PickledSequence, ItsFirstItemMustBeAnArray) {
  EXPECT_EQ(read("\x80\x04](" + TorchParts().tensor() + "Ne.").count(), 4);
  EXPECT_THAT(error_of("\x80\x04](N" + TorchParts().tensor() + "e."), HasSubstr("a list, not an array"));
  EXPECT_THAT(error_of("\x80\x04]."), HasSubstr("a list, not an array"));
  EXPECT_THAT(error_of("\x80\x04" + TorchParts().storage() + "."), HasSubstr("a storage, not an array"));
}

}  // namespace
}  // namespace dfm::data
