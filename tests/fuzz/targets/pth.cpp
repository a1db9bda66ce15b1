// What torch.save wrote: ZIP archives and the streams of old versions, whole and by their headers.
#include <cstring>

#include "data/tensor/tensor_file.h"
#include "fuzz/fuzz.h"

FUZZ_TARGET(pth) {
  using namespace dfm::data;
  dfm::fuzz::run([](dfm::fuzz::Input bytes) { read_pth(bytes, "fuzz"); }, input);
  const auto read_at = [&](std::uint64_t offset, std::span<std::byte> buffer) {
    std::memcpy(buffer.data(), input.subspan(offset).data(), buffer.size());
  };
  read_pth_header(read_at, input.size(), "fuzz");
}
