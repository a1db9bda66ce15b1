// Reads a prepared folder as fast as it can, for tests/bench/loader.py.
//
//   loader_bench train ROOT BATCH SAMPLES THREADS   as a run: order, packing, decoding, reading ahead
//   loader_bench raw ROOT BATCH SAMPLES             undecoded parts in that order, without reading ahead
//   loader_bench sequential ROOT                    the shards from front to back through 1 MiB, which stays
//   in the
//                                                   processor's cache: what the disk can
//   loader_bench keeping ROOT SAMPLES               the same into memory for so many samples, one after the
//   other, as
//                                                   who hands samples on must: what memory can
//
// Prints one line of JSON: samples, seconds, cpu_seconds, bytes, peak_mib, and the seconds of each tenth of
// the samples.
#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <span>
#include <string>
#include <vector>

#include <fmt/ranges.h>
#include <sys/resource.h>

#include "core/allocator.h"
#include "core/error.h"
#include "core/log.h"
#include "data/energon/indexed_dataset.h"
#include "data/loader/energon_source.h"
#include "data/loader/prefetching_reader.h"

namespace {

using namespace dfm;
using namespace dfm::data;
using Clock = std::chrono::steady_clock;

constexpr std::int64_t kTenths = 10;

struct Count {
  std::int64_t samples = 0;
  std::uint64_t bytes = 0;
  std::vector<double> tenths;
  Clock::time_point start = Clock::now();

  double seconds() const { return std::chrono::duration<double>(Clock::now() - start).count(); }
  void note_tenth(std::int64_t total) {
    while (samples * kTenths >= total * (std::ssize(tenths) + 1) && std::ssize(tenths) < kTenths)
      tenths.push_back(seconds());
  }
};

std::int64_t number(const std::string& word) { return std::strtoll(word.c_str(), nullptr, 10); }

Count read_as_a_run_does(const std::string& root, std::int64_t batch, std::int64_t total,
                         std::size_t threads) {
  StepReaderSettings settings;
  settings.global_batch_size = batch;
  settings.pack_capacity = std::int64_t{1} << 40U;
  settings.tokens_of = [](const SampleShape& shape) {
    return std::int64_t{shape.frames} * shape.height * shape.width;
  };
  PrefetchingReader reader(StepReader(energon_source(root, "train"), settings), {threads, 2});
  Count count;
  while (count.samples < total) {
    StepBatch step = reader.take(count.samples);
    if (!step.bad.empty()) throw data_error(step.bad.front().problem);
    for (const auto& pack : step.packs) {
      for (const auto& each : pack)
        count.bytes += each.sample.latent.bytes.size() + each.sample.text.bytes.size();
    }
    give_back(std::move(step));
    count.samples += batch;
    count.note_tenth(total);
  }
  return count;
}

Count read_raw(const std::string& root, std::int64_t batch, std::int64_t total) {
  const IndexedDataset dataset = IndexedDataset::open(root, "train");
  std::vector<std::int64_t> samples_in_shard, begins{0};
  for (const IndexedShard& shard : dataset.shards()) {
    samples_in_shard.push_back(static_cast<std::int64_t>(shard.samples));
    begins.push_back(begins.back() + samples_in_shard.back());
  }
  SampleOrder order(samples_in_shard, {}, {});
  Count count;
  while (count.samples < total) {
    std::vector<RawSample> samples;
    for (std::int64_t i = 0; i < batch; ++i) {
      const std::int64_t sample = order.sample_at(count.samples + i);
      const auto shard = std::ranges::upper_bound(begins, sample) - begins.begin() - 1;
      samples.push_back(
          dataset.read_sample(static_cast<std::size_t>(shard),
                              static_cast<std::uint64_t>(sample - begins[static_cast<std::size_t>(shard)])));
      for (const RawPart& part : samples.back().parts) count.bytes += part.content.bytes().size();
    }
    count.samples += batch;
    count.note_tenth(total);
  }
  return count;
}

// Each read goes to the next piece of the buffer, round and round. kept_samples: 0 for one piece.
Count read_sequentially(const std::string& root, std::uint64_t kept_samples) {
  constexpr std::size_t kPiece = 1U << 20U;
  const IndexedDataset dataset = IndexedDataset::open(root, "train");
  const IndexedShard& first = dataset.shards().front();
  const std::uint64_t pieces = kept_samples * (first.end_offset / first.samples) / kPiece;
  std::vector<std::byte> buffer(std::max<std::uint64_t>(pieces, 1) * kPiece);
  Count count;
  std::size_t place = 0;
  for (const IndexedShard& shard : dataset.shards()) {
    const File file = File::open_to_read(shard.path);
    file.expect_sequential_reads();
    std::uint64_t offset = 0;
    while (const std::size_t got = file.read_up_to(std::span(buffer).subspan(place, kPiece), offset)) {
      offset += got;
      place = (place + kPiece) % buffer.size();
    }
    count.bytes += offset;
    count.samples += static_cast<std::int64_t>(shard.samples);
  }
  return count;
}

// Not ru_maxrss, which begins with the peak of the process that started this one.
double peak_mib() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmHWM:")) return static_cast<double>(number(line.substr(6))) / 1024;
  }
  return 0;
}

void print(const Count& count) {
  const double seconds = count.seconds();
  struct rusage usage {};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto cpu = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
  };
  fmt::print(
      "{{\"samples\": {}, \"seconds\": {:.6f}, \"cpu_seconds\": {:.6f}, \"bytes\": {}, \"peak_mib\": {:.1f}, "
      "\"tenths\": [{:.4f}]}}\n",
      count.samples, seconds, cpu(usage.ru_utime) + cpu(usage.ru_stime), count.bytes, peak_mib(),
      fmt::join(count.tenths, ", "));
}

Count run(const std::vector<std::string>& words) {
  if (words.size() == 5 && words[0] == "train") {
    return read_as_a_run_does(words[1], number(words[2]), number(words[3]),
                              static_cast<std::size_t>(number(words[4])));
  }
  if (words.size() == 4 && words[0] == "raw") return read_raw(words[1], number(words[2]), number(words[3]));
  if (words.size() == 2 && words[0] == "sequential") return read_sequentially(words[1], 0);
  if (words.size() == 3 && words[0] == "keeping")
    return read_sequentially(words[1], static_cast<std::uint64_t>(number(words[2])));
  throw usage_error("usage: loader_bench train|raw|sequential|keeping ROOT ...");
}

}  // namespace

int main(int argc, char** argv) {
  try {
    keep_freed_memory();
    print(run({argv + 1, argv + argc}));
    return 0;
  } catch (const Error& error) {
    std::cerr << error.what() << "\n" << error.hint() << "\n";
    return static_cast<int>(error.kind());
  }
}
