// Writes a shard: a tar of samples whose bytes depend on the samples alone (ustar headers without times,
// users or anything of this machine; pax headers only where a name needs them). All or nothing.
//
//   ShardWriter shard(folder / "shard_000000.tar");
//   shard.add("000000.json", bytes);
//   shard.commit();
#pragma once

#include <cstddef>
#include <exception>
#include <filesystem>
#include <memory>
#include <span>
#include <string>

#include "core/file.h"

struct archive;

namespace dfm::data {

class ShardWriter {
 public:
  explicit ShardWriter(const std::filesystem::path& path);

  // Members of a sample belong together: KEY.pth, KEY.pickle, KEY.json.
  void add(const std::string& name, std::span<const std::byte> content);
  void commit();

 private:
  struct FreeArchive {
    void operator()(archive* writer) const;
  };
  // What libarchive's callback writes to, and the error it met there.
  struct Sink {
    DurableFile file;
    std::exception_ptr failure;
  };

  void check(int status, const char* what);

  std::unique_ptr<Sink> sink_;  // at a fixed address: libarchive keeps a pointer
  std::unique_ptr<archive, FreeArchive> writer_;
};

}  // namespace dfm::data
