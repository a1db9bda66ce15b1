#include "data/tar/shard_writer.h"

#include <archive.h>
#include <archive_entry.h>
#include <fmt/core.h>

#include "core/error.h"

namespace dfm::data {
namespace {

constexpr int kReadOnlyForAll = 0444;

using EntryPointer = std::unique_ptr<archive_entry, decltype(&archive_entry_free)>;

}  // namespace

void ShardWriter::FreeArchive::operator()(archive* writer) const { archive_write_free(writer); }

ShardWriter::ShardWriter(const std::filesystem::path& path)
    : sink_(new Sink{DurableFile(path), nullptr}), writer_(archive_write_new()) {
  if (writer_ == nullptr) throw std::bad_alloc();
  check(archive_write_set_format_pax_restricted(writer_.get()), "choose the format of");
  check(archive_write_set_bytes_in_last_block(writer_.get(), 1), "choose the block size of");
  const auto write = [](archive*, void* user, const void* data, std::size_t size) -> la_ssize_t {
    auto* const sink = static_cast<Sink*>(user);
    try {
      sink->file.append({static_cast<const std::byte*>(data), size});
      return static_cast<la_ssize_t>(size);
    } catch (...) {
      sink->failure = std::current_exception();
      return -1;
    }
  };
  check(archive_write_open(writer_.get(), sink_.get(), nullptr, write, nullptr), "open");
}

void ShardWriter::check(int status, const char* what) {
  if (status == ARCHIVE_OK) return;
  if (sink_->failure != nullptr) std::rethrow_exception(sink_->failure);
  throw storage_error(fmt::format("cannot {} a shard: {}", what, archive_error_string(writer_.get())));
}

void ShardWriter::add(const std::string& name, std::span<const std::byte> content) {
  const EntryPointer entry(archive_entry_new(), &archive_entry_free);
  if (entry == nullptr) throw std::bad_alloc();
  archive_entry_set_pathname(entry.get(), name.c_str());
  archive_entry_set_filetype(entry.get(), AE_IFREG);
  archive_entry_set_perm(entry.get(), kReadOnlyForAll);
  archive_entry_set_size(entry.get(), static_cast<la_int64_t>(content.size()));
  archive_entry_set_mtime(entry.get(), 0, 0);
  check(archive_write_header(writer_.get(), entry.get()), "write to");
  const auto written = archive_write_data(writer_.get(), content.data(), content.size());
  if (written != static_cast<la_ssize_t>(content.size())) check(ARCHIVE_FATAL, "write to");
}

void ShardWriter::commit() {
  check(archive_write_close(writer_.get()), "finish");
  sink_->file.commit();
}

}  // namespace dfm::data
