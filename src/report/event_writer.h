// Event files that TensorBoard reads (`tensorboard --logdir FOLDER`): scalars and images by tag and step.
//
//   EventWriter events(folder, resumed_step + 1);
//   events.scalar("train/loss", loss, step);
//   events.image("validation/sample_0", png, step);
//
// A writer makes a file of its own, which sorts after those that are there, and opens it with a session start
// at first_step: TensorBoard then forgets what a killed run had written at that step and later. Every record
// is handed to the operating system at once.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

#include "core/file.h"

namespace dfm::report {

class ProtobufMessage;

class EventWriter {
 public:
  // first_step: the first step that this run will write. Creates the folder where it is missing. Throws a
  // storage error.
  EventWriter(const std::filesystem::path& folder, std::int64_t first_step);

  // Stored as float32, the precision of TensorBoard's scalars.
  void scalar(std::string_view tag, double value, std::int64_t step);

  // Throws a data error when the bytes are not a PNG image.
  void image(std::string_view tag, std::span<const std::byte> png, std::int64_t step);

  const std::filesystem::path& path() const { return file_.path(); }

 private:
  // kind: the field of the Event message that body is.
  void write_event(std::int64_t step, std::uint32_t kind, std::string_view body);
  void write_value(const ProtobufMessage& value, std::int64_t step);

  File file_;
};

// events.out.tfevents.<seconds>.<host>.<process>.dfm; the seconds are those of `now`, or one more than the
// newest file in the folder has: TensorBoard reads files in the order of their names, and clocks of nodes
// differ.
std::string event_file_name(const std::filesystem::path& folder, std::chrono::system_clock::time_point now);

// A record of a TFRecord file: length, its masked CRC, the data, its masked CRC.
std::string frame_record(std::string_view data);

}  // namespace dfm::report
