#include "ckpt/import/verify_source.h"

#include <algorithm>

#include "comm/agree.h"
#include "core/error.h"
#include "core/stop_token.h"

namespace dfm::ckpt {
namespace {

constexpr std::int64_t kSliceBytes = 1 << 20;

// Shows at least that all bytes are there.
void read_all(const SourceTensor& tensor) {
  const auto element = static_cast<std::int64_t>(size_of(tensor.dtype));
  const std::int64_t count = element_count(tensor.shape);
  std::vector<std::byte> slice;
  for (std::int64_t begin = 0; begin < count; begin += kSliceBytes / element) {
    slice.resize(static_cast<std::size_t>(std::min(count - begin, kSliceBytes / element) * element));
    tensor.read(begin, slice);
  }
}

void verify(const SourceTensor& tensor) {
  if (tensor.crc32) return check_of(tensor).run();
  for (const StoredCheck& check : tensor.checks) check.run();
  if (tensor.checks.empty()) read_all(tensor);
}

void verify_share(const comm::Group& world, const Source& source) {
  const auto rank = static_cast<std::size_t>(world.rank()), size = static_cast<std::size_t>(world.size());
  for (std::size_t i = rank; i < source.tensors.size() && !StopToken::requested(); i += size) {
    verify(source.tensors[i]);
  }
}

}  // namespace

VerifyReport count_source(const Source& source) {
  VerifyReport report;
  for (const SourceTensor& tensor : source.tensors) {
    ++report.tensors;
    report.parameters += element_count(tensor.shape);
    report.bytes += tensor.size_bytes();
    if (tensor.crc32 || !tensor.checks.empty()) report.checked_bytes += tensor.size_bytes();
  }
  return report;
}

VerifyReport verify_source(const comm::Group& world, const Source& source) {
  VerifyReport report = count_source(source);
  comm::agreed(world, [&] {
    try {
      verify_share(world, source);
    } catch (const Error& error) {
      if (error.kind() != ExitCode::data) throw;
      throw Error(ExitCode::no_checkpoint, error.what(), error.hint());
    }
  });
  report.stopped = comm::stop_requested_anywhere(world);
  return report;
}

}  // namespace dfm::ckpt
