// rank_00000.h5 of a checkpoint. HDF5 itself is no match for hostile files, so the description at the front
// has a checksum in the manifest, which is compared before HDF5 sees the file: that is what is tried here.
// The input is taken for a file of which the first kHead bytes describe the rest; the manifest knows it as it
// was before a byte chosen by its last one changed.
#include "ckpt/pieces.h"
#include "core/error.h"
#include "core/hash.h"
#include "fuzz/fuzz.h"

FUZZ_TARGET(rank_file) {
  using namespace dfm;
  static constexpr std::size_t kHead = 2048;
  if (input.size() <= kHead) return;
  std::string file(fuzz::text_of(input));
  const ckpt::FileRecord record{"rank_00000.h5", file.size(), hex(hash64(file)), kHead,
                                hex(hash64(file.substr(0, kHead)))};
  file[std::to_integer<std::size_t>(input.back()) * kHead / 256] ^= 0x10;
  fuzz::write_input(record.name, file);
  ckpt::PieceReader reader(fuzz::folder().path(), {record}, 0);
  reader.parameters(ckpt::kWeights);
  ensure(false, "a damaged description is refused");
}
