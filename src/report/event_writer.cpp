#include "report/event_writer.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <system_error>

#include <fmt/core.h>
#include <unistd.h>

#include "core/error.h"
#include "report/crc32c.h"
#include "report/png.h"
#include "report/protobuf.h"

namespace dfm::report {
namespace fs = std::filesystem;
namespace {

constexpr std::string_view kPrefix = "events.out.tfevents.";

// Field numbers of tensorboard/compat/proto/event.proto and summary.proto.
namespace event_field {
constexpr std::uint32_t kWallTime = 1, kStep = 2, kFileVersion = 3, kSummary = 5, kSessionLog = 7;
}
namespace session_log_field {
constexpr std::uint32_t kStatus = 1;
constexpr std::int64_t kStart = 1;
}  // namespace session_log_field
namespace summary_field {
constexpr std::uint32_t kValue = 1;
}
namespace value_field {
constexpr std::uint32_t kTag = 1, kSimpleValue = 2, kImage = 4;
}
namespace image_field {
constexpr std::uint32_t kHeight = 1, kWidth = 2, kColorSpace = 3, kEncodedImage = 4;
}

std::string host_name() {
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0) return "unknown";
  return name.data();
}

// 0 for a file that is no event file. Ten digits are all that a name has room for.
std::int64_t seconds_in_name(std::string_view name) {
  static constexpr std::int64_t kMostSeconds = 9'999'999'998;
  if (!name.starts_with(kPrefix)) return 0;
  name.remove_prefix(kPrefix.size());
  std::int64_t seconds = 0;
  std::from_chars(name.data(), name.data() + name.size(), seconds);
  return std::clamp<std::int64_t>(seconds, 0, kMostSeconds);
}

double unix_seconds(std::chrono::system_clock::time_point time) {
  return std::chrono::duration<double>(time.time_since_epoch()).count();
}

File create_event_file(const fs::path& folder) {
  make_folder(folder);
  return File::create(folder / event_file_name(folder, std::chrono::system_clock::now()));
}

}  // namespace

std::string event_file_name(const fs::path& folder, std::chrono::system_clock::time_point now) {
  auto seconds = static_cast<std::int64_t>(unix_seconds(now));
  std::error_code error;
  const fs::directory_iterator entries(folder, error);
  if (error) throw system_error("list", folder.native(), error.value());
  for (const auto& entry : entries) {
    seconds = std::max(seconds, seconds_in_name(entry.path().filename().native()) + 1);
  }
  return fmt::format("{}{:010}.{}.{}.dfm", kPrefix, seconds, host_name(), ::getpid());
}

std::string frame_record(std::string_view data) {
  std::string record;
  append_little_endian(record, static_cast<std::uint64_t>(data.size()));
  append_little_endian(record, masked_crc32c(record));
  record += data;
  append_little_endian(record, masked_crc32c(data));
  return record;
}

EventWriter::EventWriter(const fs::path& folder, std::int64_t first_step) : file_(create_event_file(folder)) {
  write_event(0, event_field::kFileVersion, "brain.Event:2");
  ProtobufMessage session;
  session.add_integer(session_log_field::kStatus, session_log_field::kStart);
  write_event(first_step, event_field::kSessionLog, session.bytes());
}

void EventWriter::scalar(std::string_view tag, double value, std::int64_t step) {
  ProtobufMessage message;
  message.add_bytes(value_field::kTag, tag);
  message.add_float(value_field::kSimpleValue, static_cast<float>(value));
  write_value(message, step);
}

void EventWriter::image(std::string_view tag, std::span<const std::byte> png, std::int64_t step) {
  const PngHeader header = read_png_header(png);
  ProtobufMessage image;
  image.add_integer(image_field::kHeight, header.height);
  image.add_integer(image_field::kWidth, header.width);
  image.add_integer(image_field::kColorSpace, header.channels);
  image.add_bytes(image_field::kEncodedImage, {reinterpret_cast<const char*>(png.data()), png.size()});
  ProtobufMessage message;
  message.add_bytes(value_field::kTag, tag);
  message.add_bytes(value_field::kImage, image.bytes());
  write_value(message, step);
}

void EventWriter::write_value(const ProtobufMessage& value, std::int64_t step) {
  ProtobufMessage summary;
  summary.add_bytes(summary_field::kValue, value.bytes());
  write_event(step, event_field::kSummary, summary.bytes());
}

void EventWriter::write_event(std::int64_t step, std::uint32_t kind, std::string_view body) {
  ProtobufMessage event;
  event.add_double(event_field::kWallTime, unix_seconds(std::chrono::system_clock::now()));
  event.add_integer(event_field::kStep, step);
  event.add_bytes(kind, body);
  file_.append(frame_record(event.bytes()));
}

}  // namespace dfm::report
