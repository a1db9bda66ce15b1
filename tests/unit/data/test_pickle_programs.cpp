// Random programs of opcodes that belong together: a random walk through what the pickle machine can do.
// Whatever the program, it ends with a value or with a data error; run it with the sanitizers (cmake
// -DDFM_SANITIZE=ON).
#include <random>

#include <gtest/gtest.h>

#include "core/error.h"
#include "data/pickle/pickle_reader.h"
#include "data/tensor/tensor_file.h"
#include "data/zip/writer.h"
#include "support/tensor_files.h"
#include "unit/data/pickle_bytes.h"

namespace dfm::data {
namespace {

using namespace std::string_literals;

// Constants, containers, memo, calls; then whole idioms, so that a walk gets far.
std::vector<std::string> pieces() {
  const std::string storage = "(" + text_opcode("storage") + "ctorch\nFloatStorage\n" + text_opcode("0") +
                              text_opcode("cpu") + "K\x04tQ";
  const std::string element_type = "cnumpy\ndtype\n" + text_opcode("f4") + "\x89\x88\x87R";
  const std::string tensor =
      "ctorch._utils\n_rebuild_tensor_v2\n(" + storage + "K\x00K\x02K\x02\x86K\x02K\x01\x86\x89}tR"s;
  const std::string array =
      "cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85"s + bytes_opcode("b") + "\x87R";
  return {"N",
          "\x88",
          "\x89",
          "K\x00"s,
          "K\x01",
          "K\x02",
          "K\xff",
          "J\xff\xff\xff\xff",
          "M\xff\xff",
          "G\x3f\xf0\x00\x00\x00\x00\x00\x00"s,
          "\x8a\x09\xff\xff\xff\xff\xff\xff\xff\xff\x7f",
          text_opcode("f4"),
          text_opcode("latin1"),
          text_opcode("C"),
          text_opcode("<"),
          bytes_opcode(std::string(16, 'x')),
          bytes_opcode(""),
          "(",
          "]",
          "}",
          ")",
          "\x85",
          "\x86",
          "\x87",
          "t",
          "e",
          "u",
          "a",
          "s",
          "R",
          "b",
          "\x81",
          "\x94",
          "\x93",
          "q\x00"s,
          "q\x01",
          "q\x02",
          "q\x03",
          "h\x00"s,
          "h\x01",
          "h\x02",
          "h\x03",
          "j\x01\x00\x00\x00"s,
          "cnumpy\ndtype\n",
          "cnumpy\nndarray\n",
          "cnumpy._core.multiarray\nscalar\n",
          "cnumpy.core.numeric\n_frombuffer\n",
          "ctorch\nSize\n",
          "ctorch._utils\n_rebuild_tensor_v3\n",
          "ctorch\nint16\n",
          "ctorch._utils\n_rebuild_parameter\n",
          "ctorch._tensor\n_rebuild_from_type_v2\n",
          "ctorch\nTensor\n",
          "ctorch.storage\n_load_from_bytes\n",
          "c_codecs\nencode\n",
          "ccollections\nOrderedDict\n",
          "cbuiltins\nbytearray\n",
          "ctorch.storage\nUntypedStorage\n",
          "Q",
          "K\x02K\x02\x86",
          "K\x02K\x01\x86",
          "K\x04\x85",
          "K\x01\x85",
          storage,
          element_type,
          tensor,
          array,
          "(K\x03" + text_opcode(">") + "NNNK\x00K\x00K\x00tb"s,
          "(K\x01K\x04\x85" + element_type + "\x88" + bytes_opcode(std::string(16, 'x')) + "tb"};
}

template <class Read>
int ends_in_order(Read read) {
  try {
    read();
    return 1;
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ExitCode::data) << error.what();
    return 0;
  }
}

std::string archive_of(const std::string& pickle) {
  ZipWriter writer;
  writer.add("a/data.pkl", bytes_of(pickle));
  writer.add("a/data/0", bytes_of(std::string(16, 'x')));
  return text_of(std::move(writer).finish());
}

TEST(RandomPickleProgram, EndsInOrder) {
  std::mt19937 random(announced_seed());
  const std::vector<std::string> all = pieces();
  int successes = 0;
  for (int round = 0; round < 10 * damage_rounds(); ++round) {
    std::string program = "\x80\x04";
    for (auto length = random() % 24; length > 0; --length) program += all[random() % all.size()];
    program += ".";
    successes += ends_in_order([&] { read_pickle(bytes_of(program), "random"); });
    successes +=
        ends_in_order([&] { read_tensor(ByteRange::of(bytes_of(program)), testing::kPickle, "random"); });
    successes += ends_in_order([&] { read_pth(bytes_of(archive_of(program)), "random"); });
  }
  EXPECT_GT(successes, 0);
}

}  // namespace
}  // namespace dfm::data
