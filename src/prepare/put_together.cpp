#include "prepare/put_together.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <vector>

#include <fmt/core.h>

#include "core/error.h"
#include "core/file.h"
#include "core/streamed_file.h"
#include "data/tar/tar_header_text.h"
#include "data/tar/tar_scanner.h"

namespace dfm::prepare {
namespace fs = std::filesystem;
namespace {

struct ByteRange {
  std::uint64_t begin = 0, end = 0;
};

void append_bytes(const File& in, ByteRange bytes, StreamedFile& out) {
  constexpr std::uint64_t kPieceBytes = 4U << 20U;
  std::vector<std::byte> piece;
  for (std::uint64_t at = bytes.begin; at < bytes.end; at += piece.size()) {
    piece.resize(std::min(kPieceBytes, bytes.end - at));
    in.read_exactly(piece, at);
    out.append(piece);
  }
}

// Parts are whole archives.
void append_without_end(const fs::path& part, StreamedFile& out) {
  const File in = File::open_to_read(part);
  append_bytes(in, {0, in.size() - std::min(in.size(), data::kTarEndBytes)}, out);
}

void commit(StreamedFile& out) {
  out.append(std::vector<std::byte>(data::kTarEndBytes));
  out.commit();
}

ShardRecord record_of(const OutputFolder& folder, const fs::path& tar) {
  if (auto record = folder.finished(tar)) return *std::move(record);
  throw storage_error(fmt::format("{} has vanished", tar.native()), "run again");
}

void remove_parts(const OutputFolder& folder, std::span<const ItemRange> parts) {
  for (const ItemRange& part : parts) {
    remove_file(folder.part_path(part));
    remove_file(folder.record_path(folder.part_path(part)));
  }
}

struct KeptItem {
  std::int64_t item = 0;
  ByteRange bytes;
};

// Names begin with the item's place in the source.
std::int64_t item_of(const std::string& name, const fs::path& shard) {
  std::int64_t item = 0;
  if (std::from_chars(name.data(), name.data() + name.size(), item).ec == std::errc()) return item;
  throw data_error(fmt::format("{} holds '{}', which dfm_prepare did not make", shard.native(), name),
                   "remove the shard to have it made again");
}

std::vector<KeptItem> items_in(const File& shard) {
  std::vector<KeptItem> items;
  data::TarScanner scanner{data::TarSource(shard)};
  while (const auto member = scanner.next()) {
    const std::int64_t item = item_of(member->name, shard.path());
    if (items.empty() || items.back().item != item) items.push_back({item, {member->member_offset, 0}});
    items.back().bytes.end = member->next_offset;
  }
  return items;
}

void write_mended(const OutputFolder& folder, const fs::path& shard, std::span<const ItemRange> parts) {
  const File before = File::open_to_read(shard);
  StreamedFile out(shard);
  auto part = parts.begin();
  std::int64_t in_parts = 0;  // items before this one are those of parts
  const auto take_parts_before = [&](std::int64_t item) {
    for (; part != parts.end() && part->begin <= item; ++part) {
      append_without_end(folder.part_path(*part), out);
      in_parts = part->end;
    }
  };
  for (const KeptItem& kept : items_in(before)) {
    take_parts_before(kept.item);
    if (kept.item >= in_parts) append_bytes(before, kept.bytes, out);
  }
  if (!parts.empty()) take_parts_before(parts.back().begin);
  commit(out);
}

bool is_in(std::int64_t item, std::span<const ItemRange> parts) {
  return std::ranges::any_of(parts, [&](const ItemRange& part) { return part.holds(item); });
}

ShardRecord mended(const ShardRecord& before, const ShardRecord& tried, std::span<const ItemRange> parts) {
  ShardRecord after = before;
  std::erase_if(after.left_out, [&](const LeftOut& each) { return is_in(each.item, parts); });
  append(tried, after);
  std::ranges::sort(after.left_out, {}, &LeftOut::item);
  return after;
}

}  // namespace

void put_together(const OutputFolder& folder, std::int64_t shard, std::span<const ItemRange> parts) {
  ShardRecord all;
  StreamedFile out(folder.shard_path(shard));
  for (const ItemRange& part : parts) {
    append(record_of(folder, folder.part_path(part)), all);
    append_without_end(folder.part_path(part), out);
  }
  folder.remember(folder.shard_path(shard), all);
  commit(out);
  remove_parts(folder, parts);
}

void mend_shard(const OutputFolder& folder, std::int64_t shard, std::span<const ItemRange> parts) {
  const fs::path path = folder.shard_path(shard);
  const ShardRecord before = record_of(folder, path);
  ShardRecord tried;
  for (const ItemRange& part : parts) append(record_of(folder, folder.part_path(part)), tried);
  const ShardRecord after = mended(before, tried, parts);
  // The shard first: until its record follows, the items count as left out and are tried again.
  if (tried.samples > 0) write_mended(folder, path, parts);
  if (after != before) folder.remember(path, after);
  remove_parts(folder, parts);
}

}  // namespace dfm::prepare
