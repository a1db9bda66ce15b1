// Drives the tensor files of src/data from outside, for test_tensor_files.py:
//
//   tensor_file_tool read-pth|read-pickle|read-npy|read-latent|read-text FILE RAW (the last two: of a
//   safetensors file)            dtype and shape to standard output, elements to
//   RAW tensor_file_tool header-pth|header-pickle FILE            dtype, shape, and the bytes that were read
//   for it tensor_file_tool write-pth|write-pickle RAW FILE DTYPE [EXTENT...] tensor_file_tool show-pickle
//   FILE                         a plain value, as Python writes it
#include <algorithm>
#include <iostream>
#include <span>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "core/error.h"
#include "core/file.h"
#include "data/pickle/pickle_reader.h"
#include "data/tensor/tensor_file.h"

namespace {

using namespace dfm;
using data::ByteRange;

std::vector<std::byte> read_file(const std::string& path) {
  const File file = File::open_to_read(path);
  std::vector<std::byte> bytes(file.size());
  file.read_exactly(bytes, 0);
  return bytes;
}

void write_file(const std::string& path, std::span<const std::byte> bytes) {
  File file = File::create(path);
  file.append(bytes);
  file.close();
}

template <class Read>
void read(Read reader, const std::string& path, const std::string& raw_path) {
  const Array array = reader(read_file(path), path);
  fmt::print("{} {}\n", name_of(array.dtype), to_text(array.shape));
  write_file(raw_path, array.bytes);
}

template <class Read>
void print_header(Read reader, const std::string& path) {
  const File file = File::open_to_read(path);
  std::uint64_t read_bytes = 0;
  const auto read_at = [&](std::uint64_t offset, std::span<std::byte> buffer) {
    file.read_exactly(buffer, offset);
    read_bytes += buffer.size();
  };
  const data::TensorHeader header = reader(read_at, file.size(), path);
  fmt::print("{} {} {}\n", name_of(header.dtype), to_text(header.shape), read_bytes);
}

template <class Write>
void write(Write writer, std::span<char*> words) {
  Array array{dtype_from_name(words[2]), {}, read_file(words[0])};
  for (const char* extent : words.subspan(3)) array.shape.push_back(std::stoll(extent));
  write_file(words[1], writer(array));
}

std::string python_text(const data::PickleValue& value);

struct Shower {
  std::string operator()(std::monostate) const { return "None"; }
  std::string operator()(bool value) const { return value ? "True" : "False"; }
  std::string operator()(std::int64_t value) const { return std::to_string(value); }
  std::string operator()(double value) const { return fmt::format("float('{}')", value); }
  std::string operator()(const std::string& value) const {
    return fmt::format("bytes([{}]).decode()", codes(value));
  }
  std::string operator()(const std::vector<std::byte>& value) const {
    return fmt::format("bytes([{}])", codes(value));
  }
  std::string operator()(const data::PickleList& list) const {
    return fmt::format("[{}]", items(list.items));
  }
  std::string operator()(const data::PickleTuple& tuple) const {
    return fmt::format("({})", items(tuple.items));
  }
  std::string operator()(const data::PickleDict& dict) const {
    std::string text;
    for (const auto& [key, value] : dict.pairs) text += python_text(key) + ": " + python_text(value) + ", ";
    return "{" + text + "}";
  }
  std::string operator()(const Array& array) const {
    return fmt::format("('{}', {}, bytes([{}]))", name_of(array.dtype), to_text(array.shape),
                       codes(array.bytes));
  }

  template <class Bytes>
  static std::string codes(const Bytes& bytes) {
    std::string text;
    for (const auto byte : bytes) text += std::to_string(static_cast<unsigned char>(byte)) + ",";
    return text;
  }
  static std::string items(const std::vector<data::PickleValue>& values) {
    std::string text;
    for (const auto& value : values) text += python_text(value) + ", ";
    return text;
  }
};

std::string python_text(const data::PickleValue& value) { return std::visit(Shower{}, value.content); }

// read-npy, header-latent, ...: npy files, and tensors of safetensors files.
const data::TensorPart* part_of(const std::string& command) {
  const std::string kind = command.substr(command.find('-') + 1);
  if (kind == "npy") return std::ranges::find(data::kLatentParts, "npy", &data::TensorPart::extension);
  if (kind == "latent")
    return std::ranges::find(data::kLatentParts, "safetensors", &data::TensorPart::extension);
  if (kind == "text") return std::ranges::find(data::kTextParts, "safetensors", &data::TensorPart::extension);
  return nullptr;
}

auto reader_of(const data::TensorPart& part) {
  return [&part](std::span<const std::byte> bytes, const std::string& what) {
    return data::read_tensor(ByteRange::of(bytes), part, what);
  };
}

auto header_reader_of(const data::TensorPart& part) {
  return [&part](const data::ReadAt& read_at, std::uint64_t size_bytes, const std::string& what) {
    return data::read_tensor_header(ByteRange::through(read_at, size_bytes), part, what);
  };
}

void run(std::span<char*> words) {
  const std::string command = words.empty() ? "" : words[0];
  words = words.subspan(words.empty() ? 0 : 1);
  if (command == "read-pth" && words.size() == 2) return read(data::read_pth, words[0], words[1]);
  if (command == "read-pickle" && words.size() == 2)
    return read(data::read_pickled_array, words[0], words[1]);
  if (const auto* const part = part_of(command);
      part != nullptr && command.starts_with("read-") && words.size() == 2)
    return read(reader_of(*part), words[0], words[1]);
  if (const auto* const part = part_of(command);
      part != nullptr && command.starts_with("header-") && words.size() == 1)
    return print_header(header_reader_of(*part), words[0]);
  if (command == "header-pth" && words.size() == 1) return print_header(data::read_pth_header, words[0]);
  if (command == "header-pickle" && words.size() == 1)
    return print_header(data::read_pickled_array_header, words[0]);
  if (command == "write-pth" && words.size() >= 3) return write(data::write_pth, words);
  if (command == "write-pickle" && words.size() >= 3) return write(data::write_numpy_pickle, words);
  if (command == "show-pickle" && words.size() == 1) {
    return fmt::print("{}\n", python_text(data::read_pickle(read_file(words[0]), words[0])));
  }
  throw usage_error("unknown command '" + command + "'");
}

}  // namespace

int main(int argc, char** argv) {
  try {
    run(std::span(argv + 1, static_cast<std::size_t>(argc - 1)));
    return 0;
  } catch (const Error& error) {
    std::cerr << error.what() << "\n" << error.hint() << "\n";
    return static_cast<int>(error.kind());
  }
}
