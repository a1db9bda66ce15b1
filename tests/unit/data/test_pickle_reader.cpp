// Plain values, hand-assembled after the comments of Python's pickletools, and what must be refused.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "data/pickle/pickle_reader.h"
#include "unit/data/pickle_bytes.h"

namespace dfm::data {
namespace {

using namespace std::string_literals;
using ::testing::HasSubstr;

PickleValue read(std::string_view pickle) { return read_pickle(bytes_of(pickle), "a.pickle"); }

template <class T>
T read_as(std::string_view pickle) {
  return std::get<T>(read(pickle).content);
}

std::string error_of(std::string_view pickle) {
  try {
    read(pickle);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ExitCode::data);
    return error.what();
  }
  return "no error";
}

const std::string kHead = "\x80\x02";

TEST(PickleReader, ReadsIntegersOfEachWidth) {
  EXPECT_EQ(read_as<std::int64_t>("\x80\x02K\xff."), 255);
  EXPECT_EQ(read_as<std::int64_t>("\x80\x02M\x01\xff."), 0xFF01);
  EXPECT_EQ(read_as<std::int64_t>("\x80\x02J\xfe\xff\xff\xff."), -2);
  EXPECT_EQ(read_as<std::int64_t>("\x80\x02\x8a\x00."s), 0);
  EXPECT_EQ(read_as<std::int64_t>("\x80\x02\x8a\x01\xff."), -1);
  EXPECT_EQ(read_as<std::int64_t>("\x80\x02\x8a\x05\x00\x00\x00\x00\x01."s), std::int64_t{1} << 32);
  EXPECT_EQ(read_as<std::int64_t>("\x80\x02\x8a\x08\x00\x00\x00\x00\x00\x00\x00\x80."s), INT64_MIN);
}

TEST(PickleReader, ReadsConstantsNumbersTextAndBytes) {
  EXPECT_TRUE(std::holds_alternative<std::monostate>(read("\x80\x02N.").content));
  EXPECT_TRUE(read_as<bool>("\x80\x02\x88."));
  EXPECT_FALSE(read_as<bool>("\x80\x02\x89."));
  EXPECT_EQ(read_as<double>("\x80\x02G\xc0\x04\x00\x00\x00\x00\x00\x00."s), -2.5);
  EXPECT_EQ(read_as<std::string>(kHead + text_opcode("a cat") + "."), "a cat");
  EXPECT_EQ(read_as<std::string>("\x80\x04\x8c\x02ok."), "ok");
  EXPECT_EQ(text_of(read_as<std::vector<std::byte>>("\x80\x03"
                                                    "C\x02\x00\xff."s)),
            "\x00\xff"s);
}

TEST(PickleReader, ReadsBytesThatProtocol2CarriesAsText) {
  const std::string encode = kHead + "c_codecs\nencode\n";
  EXPECT_EQ(text_of(read_as<std::vector<std::byte>>(encode + text_opcode("A\xc2\x80\xc3\xbf") +
                                                    text_opcode("latin1") + "\x86R.")),
            "A\x80\xff");
  EXPECT_THAT(error_of(encode + text_opcode("\xc4\x80") + text_opcode("latin1") + "\x86R."),
              HasSubstr("not Latin-1"));
  EXPECT_THAT(error_of(encode + text_opcode("\xc2") + text_opcode("latin1") + "\x86R."),
              HasSubstr("not Latin-1"));
  EXPECT_THAT(error_of(encode + text_opcode("A") + text_opcode("utf-16") + "\x86R."), HasSubstr("latin1"));
}

TEST(PickleReader, ReadsListsTuplesAndDicts) {
  const auto list = read_as<PickleList>(
      "\x80\x02](K\x01K\x02"
      "eK\x03"
      "a.");
  ASSERT_EQ(list.items.size(), 3U);
  EXPECT_EQ(std::get<std::int64_t>(list.items[2].content), 3);
  EXPECT_EQ(read_as<PickleTuple>("\x80\x02(K\x01K\x02K\x03K\x04t.").items.size(), 4U);
  const auto pair = read_as<PickleTuple>("\x80\x02K\x07K\x08\x86.");
  EXPECT_EQ(std::get<std::int64_t>(pair.items[0].content), 7);
  EXPECT_EQ(std::get<std::int64_t>(pair.items[1].content), 8);
  const auto dict = read_as<PickleDict>(kHead + "}" + text_opcode("k") + "K\x05s(K\x01K\x02u.");
  ASSERT_EQ(dict.pairs.size(), 2U);
  EXPECT_EQ(std::get<std::string>(dict.pairs[0].first.content), "k");
  EXPECT_EQ(std::get<std::int64_t>(dict.pairs[1].second.content), 2);
}

TEST(PickleReader, ReadsValuesThatAreUsedTwice) {
  const auto lists = read_as<PickleTuple>(
      "\x80\x02]q\x00K\x09"
      "ah\x00\x86."s);
  ASSERT_EQ(lists.items.size(), 2U);
  EXPECT_EQ(std::get<PickleList>(lists.items[1].content).items.size(), 1U);
}

TEST(PickleReader, RefusesEveryGlobalThatIsNotInTheTable) {
  EXPECT_THAT(error_of("\x80\x02"
                       "cposix\nsystem\n" +
                       text_opcode("true") + "\x85R."),
              "a.pickle: byte 2: posix.system is not allowed: only tensors and plain values are read");
  EXPECT_THAT(error_of("\x80\x04\x8c\x08"
                       "builtins\x8c\x04"
                       "eval\x93."),
              HasSubstr("builtins.eval is not allowed"));
  for (const std::string name :
       {"os\nsystem\n", "builtins\ngetattr\n", "numpy\nload\n", "torch\nload\n", "torch.hub\nload\n",
        "torch._utils\n_rebuild_sparse_tensor\n", "collections\nCounter\n", "torch._utils\n\n"}) {
    EXPECT_THAT(error_of(kHead + "c" + name + "."), HasSubstr("is not allowed")) << name;
  }
}

TEST(PickleReader, ShowsNoControlCharactersOfAForbiddenName) {
  EXPECT_THAT(error_of(kHead + "cos\x1b[2J\nsystem\n."), HasSubstr("os\\x1B[2J.system"));
  EXPECT_THAT(error_of(kHead + "cos\n" + std::string(5000, 'x') + "\n."), HasSubstr("too long"));
}

TEST(PickleReader, RefusesOpcodesThatMakeObjects) {
  for (const std::string& program : std::vector<std::string>{
           "(ios\nsystem\n.", "(cos\nsystem\no.", "\x82\x01.", "\x83\x01\x01.", "\x92.", "I1\n.", "S'a'\n.",
           "(lp0\n.", "0.", "1.", "2.", "Px\n.", "\x8f.", "\x97.", "\x98."}) {
    EXPECT_THAT(error_of(kHead + program), HasSubstr("a.pickle: byte ")) << program;
  }
}

TEST(PickleReader, CallsOnlyFunctions) {
  EXPECT_THAT(error_of(kHead + "]"
                               ")R."),
              HasSubstr("what a pickle calls is a list"));
  EXPECT_THAT(error_of(kHead + "cnumpy\nndarray\n)R."), HasSubstr("ndarray cannot be called"));
  EXPECT_THAT(error_of(kHead + "ccollections\nOrderedDict\n]R."), HasSubstr("is a list"));
  EXPECT_THAT(error_of(kHead + "ccollections\nOrderedDict\nK\x01\x85R."), HasSubstr("1 arguments"));
}

TEST(PickleReader, RefusesOtherProtocols) {
  EXPECT_THAT(error_of("\x80\x01N."), HasSubstr("protocol 1"));
  EXPECT_THAT(error_of("\x80\x06N."), HasSubstr("protocol 6"));
  EXPECT_THAT(error_of("I1\n."), HasSubstr("opcode 0x49 is not supported"));
  EXPECT_THAT(error_of("\x80\x02Q."), HasSubstr("outside of the pickle"));
}

TEST(PickleReader, RefusesLengthsBeyondTheFile) {
  for (const std::string& program : std::vector<std::string>{
           "\x8e\xff\xff\xff\xff\xff\xff\xff\xff"s, "\x8d\xff\xff\xff\xff\xff\xff\xff\x7f"s,
           "B\xff\xff\xff\xff"s, "X\xff\xff\xff\xff"s, "\x96\x00\x00\x00\x00\x00\x01\x00\x00"s, "\x8a\xff"s,
           "C\x05"s}) {
    EXPECT_THAT(error_of(kHead + program + "abc."), HasSubstr("are needed where")) << program;
  }
}

TEST(PickleReader, RefusesAnUnbalancedStack) {
  for (const std::string& program :
       std::vector<std::string>{".", "t.", "a.", "Na.", "NNs.", "u.", "e.", "R.", "NR.", "b.", "\x85.",
                                "N\x86.", "(a.", "N(\x85t.", "q\x01.", "h\x00."s, "(."}) {
    EXPECT_THAT(error_of(kHead + program), HasSubstr("a.pickle: ")) << program;
  }
  EXPECT_THAT(error_of("\x80\x02}(NNNu."), HasSubstr("a key has no value"));
}

TEST(PickleReader, RefusesWhatFollowsThePickle) {
  EXPECT_THAT(error_of("\x80\x02N.N."), HasSubstr("2 bytes follow"));
}

TEST(PickleReader, RefusesDeepNesting) {
  const auto nested = [](int depth) {
    return kHead + std::string(depth, ']') + std::string(depth - 1, 'a') + ".";
  };
  EXPECT_EQ(read_as<PickleList>(nested(64)).items.size(), 1U);
  EXPECT_THAT(error_of(nested(65)), HasSubstr("nested deeper than 64"));
  EXPECT_THAT(error_of(nested(500000)), HasSubstr("nested deeper than 64"));
  EXPECT_THAT(error_of(kHead + "N" + std::string(500000, '\x85') + "."), HasSubstr("nested deeper than 64"));
}

TEST(PickleReader, RefusesAListThatHoldsItself) {
  EXPECT_THAT(error_of("\x80\x02]q\x00h\x00"
                       "a."s),
              HasSubstr("holds itself"));
  EXPECT_THAT(error_of("\x80\x02}q\x00K\x01h\x00s."s), HasSubstr("holds itself"));
}

TEST(PickleReader, RefusesValuesThatGrowExponentially) {
  std::string laughs = kHead + ")q" + '\0';
  for (char level = 0; level < 60; ++level) {
    laughs += "("s;
    for (int i = 0; i < 10; ++i) laughs += "h"s + level;
    laughs += "tq"s + static_cast<char>(level + 1);
  }
  EXPECT_THAT(error_of(laughs + "."), HasSubstr("expands to more than"));
}

TEST(PickleReader, RefusesATextThatIsUsedTooOften) {
  std::string repeated = kHead + "]" + text_opcode(std::string(1000000, 'x')) + "q" + '\0' + "a(";
  for (int i = 0; i < 1000; ++i) repeated += "h"s + '\0';
  EXPECT_THAT(error_of(repeated + "e."), HasSubstr("expand to far more in memory"));
}

TEST(PickleReader, RefusesMoreValuesThanAFileOfTensorsNeeds) {
  EXPECT_THAT(error_of(kHead + "](" + std::string(2000000, 'N') + "e."),
              HasSubstr("more than 1048576 values"));
  EXPECT_THAT(error_of(kHead + "Nq"s + '\0' + std::string(3000000, '(') + "."), HasSubstr("a.pickle"));
}

TEST(PickleReader, RefusesToRememberMoreThanAFileOfTensorsNeeds) {
  EXPECT_THAT(error_of("N" + std::string((1U << 20U) + 1, '\x94') + "."), HasSubstr("remembers more values"));
}

TEST(PickleReader, ObjectsOfDataClassesAreNoPlainValues) {
  EXPECT_THAT(error_of("cargparse\nNamespace\n)\x81}b."), HasSubstr("it holds an object"));
}

TEST(PickleReader, RefusesIntegersBeyond64Bits) {
  EXPECT_THAT(error_of("\x80\x02\x8a\x09\x01\x00\x00\x00\x00\x00\x00\x00\x01."s),
              HasSubstr("a very large integer"));
}

TEST(PickleReader, RefusesTextThatIsNotUtf8) {
  EXPECT_THAT(error_of(kHead + text_opcode("a\xff") + "."), HasSubstr("the text 'a\\xFF' is not UTF-8"));
}

TEST(PickleReader, RefusesClassesAsValues) {
  EXPECT_THAT(error_of(kHead + "cnumpy\nndarray\n."),
              HasSubstr("a class or function, which is no plain value"));
}

}  // namespace
}  // namespace dfm::data
