// fuzz_smoke TARGET FOLDER ITERATIONS: runs a target over the files of a corpus and over random mutations of
// them. The seed is printed (DFM_TEST_SEED=N repeats it), and so is what broke: the input, as a file to add
// to the corpus.
#include <algorithm>
#include <fstream>
#include <iostream>
#include <random>
#include <vector>

#include "fuzz/fuzz.h"
#include "support/seed.h"

namespace {

namespace fs = std::filesystem;
using Bytes = std::vector<std::byte>;

std::vector<Bytes> read_corpus(const fs::path& folder) {
  std::vector<fs::path> paths;
  for (const auto& entry : fs::directory_iterator(folder)) paths.push_back(entry.path());
  std::ranges::sort(paths);
  std::vector<Bytes> corpus;
  for (const fs::path& path : paths) {
    const std::string content = dfm::testing::file_content(path);
    const auto bytes = std::as_bytes(std::span(content));
    corpus.emplace_back(bytes.begin(), bytes.end());
  }
  return corpus;
}

// A few edits of the kinds that break readers of files.
class Mutator {
 public:
  Mutator(const std::vector<Bytes>& corpus, std::uint32_t seed) : corpus_(corpus), random_(seed) {}

  Bytes next() {
    Bytes bytes = corpus_[below(corpus_.size())];
    for (std::size_t edits = 1 + below(4); edits > 0; --edits) edit(bytes);
    return bytes;
  }

 private:
  std::size_t below(std::size_t count) { return count == 0 ? 0 : random_() % count; }

  void edit(Bytes& bytes) {
    const std::size_t at = below(bytes.size());
    const auto place = bytes.begin() + static_cast<std::ptrdiff_t>(at);
    const auto length = static_cast<std::ptrdiff_t>(below(std::min<std::size_t>(bytes.size() - at, 64)));
    if (bytes.empty()) return bytes.push_back(std::byte(random_()));
    switch (below(6)) {
      case 0:
        *place ^= std::byte(1U << below(8));
        return;
      case 1:
        *place = interesting();
        return;
      case 2:
        std::fill_n(place, length, interesting());
        return;
      case 3:
        bytes.erase(place, place + length);
        return;
      case 4:
        bytes.resize(at);
        return;
      default:
        splice(bytes, at);
    }
  }

  std::byte interesting() {
    static constexpr unsigned char kBytes[] = {0x00, 0x01, 0x7F, 0x80, 0xFF, '0', '7',
                                               '9',  '-',  '{',  '}',  '"',  ' '};
    return std::byte{kBytes[below(std::size(kBytes))]};
  }

  // A stretch of another file of the corpus.
  void splice(Bytes& bytes, std::size_t at) {
    const Bytes& other = corpus_[below(corpus_.size())];
    const std::size_t from = below(other.size()),
                      count = below(std::min<std::size_t>(other.size() - from, 256));
    const auto begin = other.begin() + static_cast<std::ptrdiff_t>(from);
    const Bytes copy(begin, begin + static_cast<std::ptrdiff_t>(count));
    bytes.insert(bytes.begin() + static_cast<std::ptrdiff_t>(at), copy.begin(), copy.end());
  }

  const std::vector<Bytes>& corpus_;
  std::mt19937 random_;
};

// The input of the moment stays in a file until it was survived: what is left there killed the program.
class LastInput {
 public:
  explicit LastInput(std::string target)
      : path_(fs::temp_directory_path() / ("dfm_fuzz_" + std::move(target))) {}

  void run(dfm::fuzz::Target target, const Bytes& input) const {
    std::ofstream(path_, std::ios::binary)
        .write(reinterpret_cast<const char*>(input.data()), static_cast<std::streamsize>(input.size()));
    try {
      dfm::fuzz::run(target, input);
    } catch (...) {
      std::cerr << "the input that broke it is " << path_ << std::endl;
      throw;
    }
  }
  ~LastInput() {
    std::error_code ignored;
    if (std::uncaught_exceptions() == 0) fs::remove(path_, ignored);
  }

 private:
  fs::path path_;
};

}  // namespace

int main(int argc, char** argv) {
  const auto found = argc == 4 ? dfm::fuzz::targets().find(argv[1]) : dfm::fuzz::targets().end();
  if (found == dfm::fuzz::targets().end()) {
    std::cerr << "usage: fuzz_smoke TARGET FOLDER ITERATIONS\n";
    for (const auto& [name, target] : dfm::fuzz::targets()) std::cerr << "  " << name << "\n";
    return 2;
  }
  const std::vector<Bytes> corpus = read_corpus(argv[2]);
  if (corpus.empty()) {
    std::cerr << argv[2] << " is empty\n";
    return 2;
  }
  Mutator mutator(corpus, dfm::testing::announced_seed());
  const LastInput last(argv[1]);
  for (const Bytes& input : corpus) last.run(found->second, input);
  for (int left = std::stoi(argv[3]); left > 0; --left) last.run(found->second, mutator.next());
  return 0;
}
