// Damaged files: whatever happens to the bytes, a reader returns an array or throws a data error. Run it with
// the sanitizers (cmake -DDFM_SANITIZE=ON), where a read outside of the file or an integer overflow ends the
// test.
#include <random>

#include <gtest/gtest.h>

#include "core/error.h"
#include "data/pickle/pickle_reader.h"
#include "data/tensor/tensor_file.h"
#include "support/tensor_files.h"
#include "unit/data/pickle_bytes.h"

namespace dfm::data {
namespace {

struct Subject {
  std::string name;
  std::string bytes;
};

// One of each kind: torch archive and torch pickle, numpy pickle, and what we write.
std::vector<Subject> subjects() {
  const Array array = make_array(DType::float32, {3, 2});
  return {{"torch.pth", golden_members("plain").at("00000000.pth")},
          {"torch.pickle", golden_members("plain").at("00000000.pickle")},
          {"numpy.pickle", golden_members("shuffled").at("00000000.pickle")},
          {"own.pth", text_of(write_pth(array))},
          {"own.pickle", text_of(write_numpy_pickle(array))}};
}

template <class Read>
bool succeeds(Read read) {
  try {
    read();
    return true;
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ExitCode::data) << error.what();
    return false;
  }
}

// Whether the elements are read; every reader must end in order.
bool survives(const Subject& subject) {
  const auto bytes = bytes_of(subject.bytes);
  const bool is_pth = subject.name.ends_with(".pth");
  const TensorPart& part = is_pth ? testing::kPth : testing::kPickle;
  const bool has_header = succeeds([&] { read_tensor_header(testing::as_file(bytes), part, subject.name); });
  const bool has_elements = succeeds([&] { read_tensor(ByteRange::of(bytes), part, subject.name); });
  EXPECT_TRUE(has_header || !has_elements);
  if (!is_pth) succeeds([&] { read_pickle(bytes, subject.name); });  // may read what is no array
  return has_elements;
}

TEST(DamagedTensorFile, CutAtAnyByteIsAnError) {
  for (const Subject& subject : subjects()) {
    for (std::size_t size = 0; size < subject.bytes.size(); ++size) {
      EXPECT_FALSE(survives({subject.name, subject.bytes.substr(0, size)}))
          << subject.name << " at byte " << size;
    }
    EXPECT_TRUE(survives(subject));
  }
}

TEST(DamagedTensorFile, WithEachByteChangedEndsInOrder) {
  for (Subject subject : subjects()) {
    for (char& byte : subject.bytes) {
      const char original = byte;
      for (const int value : {0x00, 0x01, 0x7F, 0x80, 0xFF}) {
        byte = static_cast<char>(value);
        survives(subject);
      }
      byte = original;
    }
  }
}

TEST(DamagedTensorFile, WithRandomBitsFlippedEndsInOrder) {
  std::mt19937 random(announced_seed());
  for (const Subject& sound : subjects()) {
    for (int round = 0; round < damage_rounds(); ++round) {
      Subject subject = sound;
      const int flips = 1 + static_cast<int>(random() % 8);
      for (int i = 0; i < flips; ++i)
        subject.bytes[random() % subject.bytes.size()] ^= static_cast<char>(1U << random() % 8);
      survives(subject);
    }
  }
}

TEST(DamagedTensorFile, WithAPieceMovedEndsInOrder) {
  std::mt19937 random(announced_seed());
  for (const Subject& sound : subjects()) {
    for (int round = 0; round < damage_rounds(); ++round) {
      Subject subject = sound;
      const std::string piece = sound.bytes.substr(random() % sound.bytes.size(), random() % 40);
      subject.bytes.insert(random() % sound.bytes.size(), piece);
      survives(subject);
    }
  }
}

}  // namespace
}  // namespace dfm::data
