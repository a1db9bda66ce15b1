// Drives the data set code of src/data from outside, for test_tar_scanner.py and test_energon.py:
//
//   dataset_tool members            the members of each tar file whose path is a line of standard input
//   dataset_tool samples ROOT SPLIT all samples of a split in order
//   dataset_tool decoded PATH SPLIT what trains of each sample: key, then type, shape and elements of its
//   latent and
//                                   its text; or what is wrong with it
//   dataset_tool described ROOT SPLIT
//                                   the .json part of each sample: key and JSON; or what is wrong with it
//   dataset_tool blend FILE SPLIT   the folders of a metadataset: path, shards, weight or repetitions, range
//   of
//                                   samples, subflavors
//   dataset_tool names|expand|collapse|split-yaml|shuffle
//                                   key and extension of member names, brace expressions, split.yaml and
//                                   permutations, a line of answer for each line of input
//
// Texts travel as hexadecimal bytes, lists of them with a space before each.
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/file.h"
#include "core/json.h"
#include "data/energon/brace_expression.h"
#include "data/energon/dataset_metadata.h"
#include "data/energon/indexed_dataset.h"
#include "data/energon/python_random.h"
#include "data/energon/sample_key.h"
#include "data/loader/description.h"
#include "data/loader/energon_source.h"
#include "data/loader/metadataset.h"
#include "data/tar/tar_scanner.h"

namespace {

using namespace dfm;
using namespace dfm::data;

template <class Bytes>
std::string to_hex(const Bytes& bytes) {
  std::string text;
  for (const auto byte : bytes) text += fmt::format("{:02x}", static_cast<unsigned char>(byte));
  return text;
}

std::string from_hex(const std::string& text) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < text.size(); i += 2) {
    bytes.push_back(static_cast<char>(std::stoi(text.substr(i, 2), nullptr, 16)));
  }
  return bytes;
}

std::string list_to_hex(const std::vector<std::string>& texts) {
  std::string line;
  for (const std::string& text : texts) line += " " + to_hex(text);
  return line;
}

std::vector<std::string> list_from_hex(const std::string& line) {
  std::vector<std::string> texts;
  for (std::size_t begin = line.find(' '); begin != std::string::npos;) {
    const auto end = line.find(' ', begin + 1);
    texts.push_back(from_hex(line.substr(begin + 1, end - begin - 1)));
    begin = end;
  }
  return texts;
}

const char* word_for(TarStop stop) {
  switch (stop) {
    case TarStop::end_mark:
      return "end_mark";
    case TarStop::end_of_file:
      return "end_of_file";
    case TarStop::cut_header:
      return "cut_header";
    case TarStop::bad_header:
      return "bad_header";
    case TarStop::none:
      break;
  }
  return "none";
}

// Regular members: name, offsets, size, stored pieces, and a comma; then the end. The error alone where there
// is one.
std::string members(const std::string& path) {
  std::string text;
  try {
    const File file = File::open_to_read(path);
    TarScanner scanner{TarSource(file)};
    while (const auto member = scanner.next()) {
      if (!member->is_regular) continue;
      text += fmt::format("{} {} {} {}", to_hex(member->name), member->member_offset, member->content_offset,
                          member->content_size);
      for (const SparsePiece& piece : member->pieces)
        text += fmt::format(" {}:{}", piece.offset, piece.size_bytes);
      text += ",";
    }
    return text + fmt::format("end {} {}", scanner.offset(), word_for(scanner.stop()));
  } catch (const Error& error) {
    return fmt::format("error {}", error.what());
  }
}

std::string name_parts(const std::string& line) {
  const std::string name = from_hex(line);
  const auto parts = split_member_name(name);
  return parts ? fmt::format("{} {}", to_hex(parts->key), to_hex(parts->extension)) : "-";
}

std::string expanded(const std::string& line) {
  try {
    return list_to_hex(expand_braces(from_hex(line)));
  } catch (const Error&) {
    return "error";
  }
}

std::string shuffled(const std::string& line) {
  return fmt::format("{}", fmt::join(python_shuffle(std::stoul(line), 42), " "));
}

std::string answer(const std::string& command, const std::string& line) {
  if (command == "members") return members(line);
  if (command == "names") return name_parts(line);
  if (command == "expand") return expanded(line);
  if (command == "collapse") return list_to_hex(collapse_braces(list_from_hex(line)));
  if (command == "split-yaml") return to_hex(split_yaml({{{"train", list_from_hex(line)}, {"val", {}}}, {}}));
  if (command == "shuffle") return shuffled(line);
  throw usage_error("dataset_tool does not know " + command);
}

template <class Use>
void for_each_sample(const std::string& root, const std::string& split, const Use& use) {
  const IndexedDataset dataset = IndexedDataset::open(root, split);
  for (std::size_t shard = 0; shard < dataset.shards().size(); ++shard) {
    for (std::uint64_t i = 0; i < dataset.shards()[shard].samples; ++i)
      use(dataset.shards()[shard], dataset.read_sample(shard, i));
  }
}

void print_samples(const std::string& root, const std::string& split) {
  for_each_sample(root, split, [](const IndexedShard& shard, const RawSample& sample) {
    fmt::print("{} {}", to_hex(shard.name), to_hex(sample.key));
    for (const RawPart& part : sample.parts)
      fmt::print(" {}={}", to_hex(part.extension), to_hex(part.content.bytes()));
    fmt::print("\n");
  });
}

void print_described(const std::string& root, const std::string& split) {
  for_each_sample(root, split, [](const IndexedShard&, const RawSample& sample) {
    try {
      fmt::print("{} {}\n", to_hex(sample.key), description_of(sample).dump());
    } catch (const Error& error) {
      fmt::print("{} error {}\n", to_hex(sample.key), error.what());
    }
  });
}

void print_decoded(const std::string& path, const std::string& split) {
  const SampleSource source = energon_source(path, split);
  for (std::int64_t i = 0; i < source.count(); ++i) {
    try {
      const Sample sample = source.read(i).value();
      const Shape planned = latent_shape(source.shape(i));
      ensure(planned == sample.latent.shape, "the recorded shape is another");
      fmt::print("{}", to_hex(sample.key));
      for (const Array* const array : {&sample.latent, &sample.text})
        fmt::print(" {} {} {}", name_of(array->dtype), fmt::join(array->shape, ","), to_hex(array->bytes));
      fmt::print("\n");
    } catch (const Error& error) {
      fmt::print("error {}\n", error.what());
    }
  }
}

void print_blend(const std::string& file, const std::string& split) {
  const Metadataset blend = read_metadataset(file, split);
  for (const BlendedFolder& each : blend.folders) {
    const auto dataset = IndexedDataset::open(each.folder, each.split, each.split_file);
    const auto [begin, end] = range_of(each.subset, static_cast<std::int64_t>(dataset.sample_count()));
    std::string names;
    for (const IndexedShard& shard : dataset.shards()) names += shard.name + ",";
    fmt::print("{} {} {} {} {} {}", to_hex(each.folder.native()), to_hex(names),
               blend.mode == BlendMode::weights ? each.weight : 1, each.repetitions, begin, end);
    for (const auto& [name, value] : each.subflavors) fmt::print(" {}={}", to_hex(name), to_hex(value));
    fmt::print("\n");
  }
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const std::vector<std::string> words(argv + 1, argv + argc);
    if (words.size() == 3 && words[0] == "samples") {
      print_samples(words[1], words[2]);
      return 0;
    }
    if (words.size() == 3 && words[0] == "decoded") {
      print_decoded(words[1], words[2]);
      return 0;
    }
    if (words.size() == 3 && words[0] == "described") {
      print_described(words[1], words[2]);
      return 0;
    }
    if (words.size() == 3 && words[0] == "blend") {
      print_blend(words[1], words[2]);
      return 0;
    }
    if (words.size() != 1) throw usage_error("usage: dataset_tool COMMAND");
    for (std::string line; std::getline(std::cin, line);) fmt::print("{}\n", answer(words[0], line));
    return 0;
  } catch (const Error& error) {
    fmt::print(stderr, "{}\n{}\n", error.what(), error.hint());
    return static_cast<int>(error.kind());
  }
}
