#include "data/inspect/stored_samples.h"

#include "core/text.h"
#include "data/energon/shard_record.h"
#include "data/energon/tar_index.h"
#include "data/tensor/error_context.h"

namespace dfm::data {

void visit_samples(const std::filesystem::path& root, const std::string& shard,
                   const ShapeReader& read_shapes, const SampleVisitor& visit) {
  if (const auto record = read_current_record(root, shard); record && record->stamp.has_shapes) {
    std::size_t place = 0;
    for_each_sample(
        *record, read_tar_index(root / shard, record->stamp.size_bytes),
        [&](const ShardSample& sample, std::uint64_t) { visit(sample, record->shapes.at(place++)); });
    return;
  }
  const File file = File::open_to_read(root / shard);
  with_context([&] { return printable(shard); },
               [&] {
                 scan_shard(file, [&](const ShardSample& sample) {
                   visit(sample, shape_of_sample(file, sample, read_shapes));
                 });
               });
}

}  // namespace dfm::data
