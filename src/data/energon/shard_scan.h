// One shard, from its headers: where each sample begins and what parts it has.
//
//   const ShardScan scan = scan_shard(file, [&](const ShardSample& sample) { ... });
//   write_tar_index(path, scan.offsets);
#pragma once

#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "core/file.h"
#include "data/tar/tar_scanner.h"

namespace dfm::data {

// A file inside a sample: KEY.EXTENSION.
struct SamplePart {
  std::string extension;
  std::uint64_t content_offset = 0;
  std::uint64_t content_size = 0;
  bool is_sparse = false;  // then the content is not one piece at content_offset
};

struct ShardSample {
  std::string key;
  std::uint64_t offset = 0;       // of its first header
  std::vector<SamplePart> parts;  // in file order; an extension may come twice, then the last counts
};

struct ShardScan {
  std::vector<std::uint64_t> offsets;   // sample count + 1: the last is the end of the archive
  std::set<std::string> extensions;     // of all parts, the first 50 kinds
  std::vector<std::string> first_keys;  // at most three, to show
  std::uint64_t lost_bytes =
      0;  // behind a damaged header, or behind the end mark of the first of several archives
  std::vector<std::string> warnings;  // what the archive holds that was not indexed, with the numbers

  std::uint64_t sample_count() const { return offsets.size() - 1; }
};

// Calls visit for each sample in file order. Throws a data error for an archive that the reference gives up
// (TarScanner) and for one without samples.
ShardScan scan_shard(const File& shard, const std::function<void(const ShardSample&)>& visit);

}  // namespace dfm::data
