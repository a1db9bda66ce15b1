#include "data/pickle/torch_archive.h"

#include "core/text.h"
#include "data/pickle/machine.h"
#include "data/tensor/error_context.h"
#include "data/zip/crc.h"
#include "data/zip/reader.h"

namespace dfm::data::pickle {
namespace {

constexpr std::string_view kPickleName = "data.pkl";
constexpr std::uint64_t kLongestByteOrder = 16;

ByteRange checked_content(const ZipReader& archive, const std::string& name) {
  const ZipEntry entry = archive.entry(name);
  if (entry.crc32 != 0)
    with_context([&] { return printable(name); }, [&] { check_crc(entry.content, entry.crc32); });
  return entry.content;
}

// torch has written the entry since version 2.1.
void refuse_big_endian(const ZipReader& archive, const std::string& prefix) {
  const std::string name = prefix + "byteorder";
  if (!archive.contains(name)) return;
  const ByteRange content = archive.entry(name).content;
  if (content.size() <= kLongestByteOrder && checked_content(archive, name).text() == "little") return;
  throw data_error("its numbers are not in little-endian byte order",
                   "load and save it with torch on such a machine");
}

void find_storages(const ZipReader& archive, const std::string& prefix, const Graph& graph) {
  for (const auto& [key, entry] : graph.torch_storages()) {
    const ZipEntry stored = archive.entry(fmt::format("{}data/{}", prefix, key));
    if (stored.content.size() != entry.storage->size_bytes) {
      throw data_error(fmt::format("the storage '{}' has {} bytes instead of {}", printable(key),
                                   stored.content.size(), entry.storage->size_bytes));
    }
    entry.storage->content = stored.content;
    entry.storage->crc32 = stored.crc32;
  }
}

}  // namespace

Ref read_torch_archive(const ByteRange& file, Graph& graph) {
  const ZipReader archive(file);
  const std::string name = archive.name_ending_in(kPickleName);
  const std::string prefix = name.substr(0, name.size() - kPickleName.size());
  refuse_big_endian(archive, prefix);
  const Ref root =
      with_context([&] { return printable(name); },
                   [&] { return run_pickle(checked_content(archive, name), Dialect::torch, graph); });
  find_storages(archive, prefix, graph);
  return root;
}

}  // namespace dfm::data::pickle
