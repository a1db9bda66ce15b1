// Drives the tensor files of src/data from outside, for test_tensor_files.py:
//
//   tensor_file_tool read-KIND FILE RAW                 dtype and shape to standard output, elements to RAW
//   tensor_file_tool header-KIND FILE                   dtype, shape, and how many bytes were read for it
//   tensor_file_tool write-pth|write-pickle RAW FILE DTYPE [EXTENT...]
//   tensor_file_tool show-pickle FILE                   a plain value, as Python writes it
//
// KIND: pth, pickle, npy, and the latent or the text of a safetensors file.
#include <iostream>
#include <map>
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

void read(const data::TensorPart& part, const std::string& path, const std::string& raw_path) {
  const Array array = data::read_tensor(ByteRange::owning(read_file(path)), part, path);
  fmt::print("{} {}\n", name_of(array.dtype), to_text(array.shape));
  write_file(raw_path, array.bytes);
}

void print_header(const data::TensorPart& part, const std::string& path) {
  const File file = File::open_to_read(path);
  std::uint64_t read_bytes = 0;
  const auto read_at = [&](std::uint64_t offset, std::span<std::byte> buffer) {
    file.read_exactly(buffer, offset);
    read_bytes += buffer.size();
  };
  const data::TensorHeader header =
      data::read_tensor_header(ByteRange::through(read_at, file.size()), part, path);
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

using data::TensorFormat;

const std::map<std::string, data::TensorPart> kKinds{
    {"pth", {"pth", TensorFormat::torch}},
    {"pickle", {"pickle", TensorFormat::pickle}},
    {"npy", {"npy", TensorFormat::npy}},
    {"latent", {"safetensors", TensorFormat::safetensors, "latent"}},
    {"text", {"safetensors", TensorFormat::safetensors, "text"}},
};

void run(std::span<char*> words) {
  const std::string command = words.empty() ? "" : words[0];
  words = words.subspan(words.empty() ? 0 : 1);
  if (const auto kind = kKinds.find(command.substr(command.find('-') + 1)); kind != kKinds.end()) {
    if (command.starts_with("read-") && words.size() == 2) return read(kind->second, words[0], words[1]);
    if (command.starts_with("header-") && words.size() == 1) return print_header(kind->second, words[0]);
  }
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
