// Pickles of values, arrays and tensors, whole and by their headers.
#include "data/pickle/pickle_reader.h"
#include "data/tensor/tensor_file.h"
#include "fuzz/fuzz.h"
#include "support/tensor_files.h"

FUZZ_TARGET(pickle) {
  using namespace dfm::data;
  using dfm::fuzz::run;
  using dfm::testing::kPickle;
  run([](dfm::fuzz::Input bytes) { read_pickle(bytes, "fuzz"); }, input);
  run([](dfm::fuzz::Input bytes) { read_tensor(ByteRange::of(bytes), kPickle, "fuzz"); }, input);
  read_tensor_header(dfm::testing::as_file(input), kPickle, "fuzz");
}
