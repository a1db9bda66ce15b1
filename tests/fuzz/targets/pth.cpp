// What torch.save wrote: ZIP archives and the streams of old versions, whole and by their headers.
#include "data/tensor/tensor_file.h"
#include "fuzz/fuzz.h"
#include "support/tensor_files.h"

FUZZ_TARGET(pth) {
  using namespace dfm::data;
  dfm::fuzz::run([](dfm::fuzz::Input bytes) { read_pth(bytes, "fuzz"); }, input);
  read_tensor_header(dfm::testing::as_file(input), dfm::testing::kPth, "fuzz");
}
