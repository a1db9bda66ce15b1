// Pickles of values, arrays and tensors, whole and by their headers.
#include <cstring>

#include "data/pickle/pickle_reader.h"
#include "data/tensor/tensor_file.h"
#include "fuzz/fuzz.h"

FUZZ_TARGET(pickle) {
  using namespace dfm::data;
  using dfm::fuzz::run;
  run([](dfm::fuzz::Input bytes) { read_pickle(bytes, "fuzz"); }, input);
  run([](dfm::fuzz::Input bytes) { read_pickled_array(bytes, "fuzz"); }, input);
  const auto read_at = [&](std::uint64_t offset, std::span<std::byte> buffer) {
    std::memcpy(buffer.data(), input.subspan(offset).data(), buffer.size());
  };
  read_pickled_array_header(read_at, input.size(), "fuzz");
}
