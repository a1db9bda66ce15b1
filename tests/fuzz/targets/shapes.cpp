// .nv-meta/dfm_shapes.bin, with the checksum of its table mended: otherwise nothing would get past it.
#include <cstring>

#include "core/hash.h"
#include "data/energon/shapes_file.h"
#include "fuzz/fuzz.h"

FUZZ_TARGET(shapes) {
  static constexpr std::size_t kHashed = 40, kHeader = 48;
  std::string file(dfm::fuzz::text_of(input));
  if (file.size() >= kHeader) {
    std::uint64_t table_bytes = 0;
    std::memcpy(&table_bytes, file.data() + 32, sizeof table_bytes);
    const std::uint64_t hash = dfm::hash64(file.substr(0, kHashed) + file.substr(kHeader, table_bytes));
    std::memcpy(file.data() + kHashed, &hash, sizeof hash);
  }
  dfm::fuzz::write_input(dfm::data::kShapesFile, file);
  const auto shapes = dfm::data::ShapesFile::open(dfm::fuzz::folder().path());
  shapes.read_rows("a.tar");
}
