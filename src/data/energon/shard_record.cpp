#include "data/energon/shard_record.h"

#include <array>
#include <cstring>
#include <system_error>
#include <unordered_set>

#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/file.h"
#include "core/hash.h"
#include "core/json.h"
#include "data/energon/file_mode.h"
#include "data/energon/shard_state.h"
#include "data/energon/tar_index.h"

namespace dfm::data {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kMagic = "DFMROWS2";
constexpr std::uint64_t kLargestRecordBytes = std::uint64_t{16} << 30U;

void put_number(std::string& bytes, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7U) bytes.push_back(static_cast<char>(value | 0x80));
  bytes.push_back(static_cast<char>(value));
}

void put_text(std::string& bytes, std::string_view text) {
  put_number(bytes, text.size());
  bytes += text;
}

[[noreturn]] void damaged() {
  throw data_error("a record in .nv-meta/dfm_rows is damaged", "remove that folder");
}

// Takes numbers and texts off the front.
class Cursor {
 public:
  explicit Cursor(std::string_view bytes) : bytes_(bytes) {}

  std::uint64_t number() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      const auto byte = static_cast<unsigned char>(text_of(1)[0]);
      value |= std::uint64_t{byte & 0x7FU} << shift;
      if (byte < 0x80) return value;
    }
    damaged();
  }
  std::string_view text() { return text_of(number()); }
  bool is_at_end() const { return bytes_.empty(); }

 private:
  std::string_view text_of(std::uint64_t count) {
    if (count > bytes_.size()) damaged();
    const std::string_view text = bytes_.substr(0, count);
    bytes_.remove_prefix(count);
    return text;
  }

  std::string_view bytes_;
};

std::string_view bytes_of(const auto& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(values[0])};
}

std::string head_text(const ShardRecord& record) {
  return Json{{"name", record.stamp.name},
              {"size", record.stamp.size_bytes},
              {"changed_ns", record.stamp.changed_ns},
              {"has_shapes", record.stamp.has_shapes},
              {"media", record.stamp.media},
              {"summary", to_text(record.summary)}}
      .dump(-1, ' ', false, Json::error_handler_t::replace);
}

ShardRecord parse_record(std::string_view file) {
  if (file.size() < 40 || !file.starts_with(kMagic)) damaged();
  std::array<std::uint64_t, 4>
      numbers{};  // checksum, lengths of the JSON text, the samples, the rows of media
  std::memcpy(numbers.data(), file.data() + kMagic.size(), sizeof numbers);
  const auto [checksum, head_bytes, sample_bytes, media_bytes] = numbers;
  if (checksum != hash64(file.substr(16))) damaged();
  file.remove_prefix(40);
  if (head_bytes > file.size() || sample_bytes > file.size() - head_bytes ||
      media_bytes > file.size() - head_bytes - sample_bytes)
    damaged();
  const Json head = parse_json(file.substr(0, head_bytes), "record of a shard");
  const std::string_view rows = file.substr(head_bytes + sample_bytes + media_bytes);
  ShardRecord record{{head.at("name").get<std::string>(), head.at("size").get<std::uint64_t>(),
                      head.at("changed_ns").get<std::int64_t>(), head.at("has_shapes").get<bool>(),
                      head.at("media").get<std::string>()},
                     shard_summary_from_text(head.at("summary").get<std::string>()),
                     std::string(file.substr(head_bytes, sample_bytes)),
                     std::vector<SampleShape>(rows.size() / sizeof(SampleShape)),
                     std::string(file.substr(head_bytes + sample_bytes, media_bytes))};
  if (!rows.empty())
    std::memcpy(record.shapes.data(), rows.data(), record.shapes.size() * sizeof(SampleShape));
  return record;
}

// Not so where the index is missing or not the one that the record was made with.
bool fits_index(const fs::path& shard, const ShardRecord& record) {
  try {
    const auto offsets = read_tar_index(shard, record.stamp.size_bytes);
    return hash_of_samples(record.samples, offsets) == record.summary.samples_hash;
  } catch (const std::exception&) {
    return false;
  }
}

}  // namespace

ShardStamp shard_stamp(const fs::path& root, const std::string& name) {
  const ShardState state = state_of(root / name);
  return {name, state.size_bytes, state.changed_ns, false};
}

void RecordedSamples::add(const ShardSample& sample) {
  put_text(bytes_, sample.key);
  put_number(bytes_, sample.parts.size());
  for (const SamplePart& part : sample.parts) {
    put_text(bytes_, part.extension);
    put_number(bytes_, part.content_offset - sample.offset);
    put_number(bytes_, part.content_size);
  }
}

fs::path record_path(const fs::path& root, const std::string& name) {
  return root / kRecordFolder / (hex(hash64(name)) + ".rows");
}

void write_record(const fs::path& root, const ShardRecord& record) {
  std::string body(24, '\0');
  const std::string head = head_text(record);
  const std::array<std::uint64_t, 3> lengths{head.size(), record.samples.size(), record.media.size()};
  std::memcpy(body.data(), lengths.data(), sizeof lengths);
  body.append(head).append(record.samples).append(record.media).append(bytes_of(record.shapes));
  const fs::path path = record_path(root, record.stamp.name), temporary = temporary_name(path);
  const std::array<std::uint64_t, 1> checksum{hash64(body)};
  File file = File::create(temporary);
  file.append(kMagic);
  file.append(bytes_of(checksum));
  file.append(body);
  file.close();  // no fsync: the checksum tells a torn record, and the shard is still there
  copy_mode(root / record.stamp.name, temporary);
  fs::rename(temporary, path);
}

std::optional<ShardRecord> read_any_record(const fs::path& root, const std::string& name) {
  std::error_code ignored;
  const fs::path path = record_path(root, name);
  if (!fs::exists(path, ignored)) return std::nullopt;
  try {
    return parse_record(read_text(path, kLargestRecordBytes));
  } catch (const std::exception&) {
    return std::nullopt;
  }
}

std::optional<ShardRecord> read_record(const fs::path& root, const ShardStamp& stamp) {
  auto record = read_any_record(root, stamp.name);
  if (record && record->stamp == stamp && fits_index(root / stamp.name, *record)) return record;
  return std::nullopt;  // the shard is read again
}

std::optional<ShardRecord> read_current_record(const fs::path& root, const std::string& name) {
  ShardStamp stamp = shard_stamp(root, name);
  auto record = read_any_record(root, name);
  if (!record) return std::nullopt;
  stamp.has_shapes = record->stamp.has_shapes;
  stamp.media = record->stamp.media;
  if (record->stamp == stamp && fits_index(root / name, *record)) return record;
  return std::nullopt;
}

std::uint64_t hash_of_samples(std::string_view samples, std::span<const std::uint64_t> offsets) {
  return hash64(samples) ^ hash64(std::as_bytes(offsets));
}

void for_each_sample(const ShardRecord& record, std::span<const std::uint64_t> offsets,
                     const std::function<void(const ShardSample&, std::uint64_t)>& visit) {
  Cursor cursor(record.samples);
  ShardSample sample;
  for (std::size_t i = 0; i + 1 < offsets.size(); ++i) {
    sample.key = cursor.text();
    sample.offset = offsets[i];
    sample.parts.resize(std::min<std::uint64_t>(cursor.number(), record.samples.size()));
    for (SamplePart& part : sample.parts) {
      part.extension = cursor.text();
      part.content_offset = sample.offset + cursor.number();
      part.content_size = cursor.number();
    }
    visit(sample, offsets[i + 1] - offsets[i]);
  }
  if (!cursor.is_at_end()) damaged();
}

void remove_other_records(const fs::path& root, std::span<const std::string> names) {
  std::unordered_set<std::string> kept;
  for (const std::string& name : names) kept.insert(record_path(root, name).filename());
  std::error_code ignored;
  for (const fs::directory_entry& entry : fs::directory_iterator(root / kRecordFolder, ignored)) {
    if (entry.path().extension() == ".rows" && !kept.contains(entry.path().filename()))
      remove_file(entry.path());
  }
}

}  // namespace dfm::data
