// Saving and loading a checkpoint beside the same bytes written and read plainly, in turns on the same disk.
// tests/bench/checkpoint.py runs it and adds the Python peers.
//
//   mpirun -n RANKS checkpoint_bench FOLDER MIB
//
// Prints {"what": ..., "seconds": ...} a line for the whole of all ranks together: the median of turns in
// which either of two goes first in every second one. "processor" are seconds of processor time of all ranks
// together, which tell more where other programs run beside. What was written before is on the disk before
// anything is timed. Both read with read() into the same memory, which was touched before: no page of it is
// new.
//
// Blocked by an asynchronous save is what a step that computes as long as the copy takes longer with a save
// beside it, from the call that begins the save to the end of the wait before the update, and all that later
// steps wait for it until it is committed. "At once" is the same with no step to hide the copy behind.
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include <fcntl.h>
#include <fmt/core.h>
#include <unistd.h>

#include "ckpt/checkpoint.h"
#include "ckpt/saver.h"
#include "comm/mpi.h"
#include "core/error.h"
#include "core/file.h"

namespace {

using namespace dfm;
namespace fs = std::filesystem;
using Values = std::vector<float>;

constexpr std::size_t kChunkBytes = 16U << 20U;
constexpr std::size_t kTensorFloats = 768U * 3072U;  // the widest matrix of DiT-B's MLP

struct Bench {
  const comm::Group& world;
  fs::path folder;
  Values values;                    // of this rank
  std::vector<ckpt::Piece> pieces;  // the same
};

// Until all ranks are through it.
template <class Body>
double timed(const Bench& bench, Body&& body) {
  bench.world.barrier();
  const auto start = std::chrono::steady_clock::now();
  body();
  bench.world.barrier();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

void print(const Bench& bench, const char* what, double seconds) {
  if (bench.world.rank() != 0) return;
  fmt::print("{{\"what\": \"{}\", \"seconds\": {:.6f}}}\n", what, seconds);
  std::fflush(stdout);
}

struct Took {
  double seconds = 0;
  double processor = 0;  // of all ranks together
};

double processor_seconds() {
  timespec now{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

template <class Body>
Took timed_with_processor(const Bench& bench, Body&& body) {
  std::array<double, 1> processor{};
  const double seconds = timed(bench, [&] {
    const double before = processor_seconds();
    body();
    processor[0] = processor_seconds() - before;
  });
  bench.world.all_reduce_sum(std::span<double>(processor));
  return {seconds, processor[0]};
}

// Nobody pays for what was written before.
void settle(const Bench& bench) {
  bench.world.barrier();
  if (bench.world.rank() == 0) ::sync();
  bench.world.barrier();
}

Values fill(std::size_t count, int rank) {
  Values values(count);
  std::uint32_t state = 12345U + static_cast<std::uint32_t>(rank);
  for (float& value : values) {
    state = state * 1664525U + 1013904223U;
    value = static_cast<float>(state) * 0x1p-32F - 0.5F;
  }
  return values;
}

// Tensors of three kinds, as training saves them; this rank owns an equal range of each.
std::vector<ckpt::Piece> cut(std::span<const float> values, const comm::Group& world) {
  const std::vector<std::string> kinds{ckpt::kWeights, ckpt::kFirstMoment, ckpt::kSecondMoment};
  std::vector<ckpt::Piece> pieces;
  for (std::size_t number = 0; !values.empty(); ++number) {
    const auto part =
        values.first(std::min(kTensorFloats / static_cast<std::size_t>(world.size()), values.size()));
    const auto count = static_cast<std::int64_t>(part.size());
    pieces.push_back({kinds[number % kinds.size()],
                      fmt::format("blocks.{}.mlp.weight", number / kinds.size()), Shape{count * world.size()},
                      count * world.rank(), part});
    values = values.subspan(part.size());
  }
  return pieces;
}

fs::path raw_path(const Bench& bench) { return bench.folder / fmt::format("raw_{}.bin", bench.world.rank()); }

void write_raw(const Bench& bench) {
  File file = File::create(raw_path(bench));
  auto bytes = std::as_bytes(std::span(bench.values));
  while (!bytes.empty()) {
    const auto chunk = bytes.first(std::min(kChunkBytes, bytes.size()));
    file.append(chunk);
    bytes = bytes.subspan(chunk.size());
  }
  file.close();
  const int descriptor = ::open(raw_path(bench).c_str(), O_RDONLY);
  ensure(::fsync(descriptor) == 0, "fsync");
  ::close(descriptor);
  sync_folder(bench.folder);
}

void read_raw(const Bench& bench, Values& into) {
  const File file = File::open_to_read(raw_path(bench));
  const auto bytes = std::as_writable_bytes(std::span(into));
  for (std::size_t at = 0; at < bytes.size(); at += kChunkBytes) {
    file.read_exactly(bytes.subspan(at, std::min(kChunkBytes, bytes.size() - at)), at);
  }
}

// As Trainer::load does: each rank's own file is checked while it is read.
void load(const Bench& bench, Values& into) {
  const auto read = [&](const ckpt::Listed& checkpoint) {
    const auto rank = static_cast<std::size_t>(bench.world.rank());
    ckpt::PieceReader reader(checkpoint.folder, checkpoint.manifest->files, rank);
    for (const ckpt::Piece& piece : bench.pieces) {
      const auto at = static_cast<std::size_t>(piece.values.data() - bench.values.data());
      reader.read(piece.kind, piece.parameter, piece.global_shape, piece.begin,
                  std::span(into).subspan(at, piece.values.size()));
    }
    reader.require_checksum(checkpoint.manifest->files[rank]);
  };
  ensure(ckpt::load_newest(bench.world, bench.folder / "checkpoints", ckpt::Damaged::leave, read).has_value(),
         "load");
}

void drop_caches(const Bench& bench) {
  bench.world.barrier();
  for (const auto& entry : fs::recursive_directory_iterator(bench.folder)) {
    if (!entry.is_regular_file()) continue;
    const int descriptor = ::open(entry.path().c_str(), O_RDONLY);
    ::posix_fadvise(descriptor, 0, 0, POSIX_FADV_DONTNEED);
    ::close(descriptor);
  }
}

ckpt::Manifest manifest_of(std::int64_t step) {
  ckpt::Manifest manifest;
  manifest.step = step;
  return manifest;
}

void save(const Bench& bench) {
  ckpt::Saver(bench.world, {.root = bench.folder / "checkpoints", .retention = {}})
      .save_now(manifest_of(1), bench.pieces);
}

// Arithmetic in registers, as many rounds as asked.
void compute(std::uint64_t rounds) {
  volatile double kept = 1;
  double value = kept;
  for (std::uint64_t i = 0; i < rounds; ++i) value = value * 0.999999999 + 1e-9;
  kept = value;
}

std::uint64_t rounds_that_take(const Bench& bench, double seconds) {
  static constexpr std::uint64_t kTrial = 20'000'000;
  return static_cast<std::uint64_t>(static_cast<double>(kTrial) * seconds /
                                    timed(bench, [] { compute(kTrial); }));
}

bool is_ready_everywhere(const Bench& bench, const ckpt::Saver& saver) {
  std::array<double, 1> ready{saver.is_ready() ? 1.0 : 0.0};
  bench.world.all_reduce_sum(std::span<double>(ready));
  return ready[0] == bench.world.size();
}

// Goes on with the save in flight as later steps do; returns how long they wait for it.
double waited_until_committed(const Bench& bench, ckpt::Saver& saver) {
  double seconds = 0;
  while (saver.in_flight()) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    if (!is_ready_everywhere(bench, saver)) continue;
    seconds += timed(bench, [&] { saver.advance(); });
  }
  return seconds;
}

// How much longer a step takes that a save begins with. What the last save replaced is gone by then, as it is
// where saves are minutes apart.
double blocked(const Bench& bench, ckpt::Saver& saver, std::int64_t step, std::uint64_t rounds) {
  saver.finish();
  settle(bench);
  const double alone = timed(bench, [&] { compute(rounds); });
  const double with_save = timed(bench, [&] {
    saver.begin(manifest_of(step), bench.pieces);
    compute(rounds);
    saver.wait_for_copy();
  });
  return with_save - alone + waited_until_committed(bench, saver);
}

// And clears what was compared.
void require_same_bytes(const Bench& bench, Values& copy) {
  ensure(std::memcmp(copy.data(), bench.values.data(), copy.size() * sizeof(float)) == 0, "the same bytes");
  std::memset(copy.data(), 0, copy.size() * sizeof(float));
}

double median(std::vector<double> values) {
  std::ranges::nth_element(values, values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2));
  return values[values.size() / 2];
}

// The median of turns that alternate with plain copies.
void measure_blocking_alone(const Bench& bench, Values& copy) {
  static constexpr std::int64_t kTurns = 5;
  const auto copy_all = [&] { std::memcpy(copy.data(), bench.values.data(), copy.size() * sizeof(float)); };
  const std::unique_ptr<float[]> fresh(new float[copy.size()]);
  print(bench, "memcpy to fresh memory",
        timed(bench, [&] { std::memcpy(fresh.get(), bench.values.data(), copy.size() * sizeof(float)); }));
  ckpt::Saver saver(bench.world, {.root = bench.folder / "asynchronous", .retention = {.most_recent = 1}});
  print(bench, "dfm blocked at once, first save", blocked(bench, saver, 1, 0));
  std::vector<double> plain, at_once, beside_step;
  for (std::int64_t turn = 1; turn <= kTurns; ++turn) {
    settle(bench);
    plain.push_back(timed(bench, copy_all));
    at_once.push_back(blocked(bench, saver, 2 * turn, 0));
    beside_step.push_back(blocked(bench, saver, 2 * turn + 1, rounds_that_take(bench, plain.back())));
  }
  print(bench, "memcpy", median(plain));
  print(bench, "dfm blocked at once", median(at_once));
  print(bench, "dfm blocked by an asynchronous save", median(beside_step));
}

void remove(const Bench& bench, const fs::path& path) {
  bench.world.barrier();
  if (bench.world.rank() == 0) fs::remove_all(path);
}

// The saver ends first: it removes older checkpoints beside the steps.
void measure_blocking(const Bench& bench, Values& copy) {
  measure_blocking_alone(bench, copy);
  remove(bench, bench.folder / "asynchronous");
}

struct Contender {
  std::string what;
  std::function<Took()> took;
};

void print(const Bench& bench, const std::string& what, const std::vector<Took>& turns) {
  std::vector<double> seconds, processor;
  for (const Took& turn : turns) {
    seconds.push_back(turn.seconds);
    processor.push_back(turn.processor);
  }
  if (bench.world.rank() != 0) return;
  fmt::print("{{\"what\": \"{}\", \"seconds\": {:.6f}, \"processor\": {:.6f}}}\n", what, median(seconds),
             median(processor));
  std::fflush(stdout);
}

// Prints the medians of turns in which each goes first in every second one.
void in_turns(const Bench& bench, const Contender& one, const Contender& other) {
  static constexpr int kTurns = 5;
  std::vector<Took> of_one, of_other;
  for (int turn = 0; turn < kTurns; ++turn) {
    if (turn % 2 != 0) of_other.push_back(other.took());
    of_one.push_back(one.took());
    if (turn % 2 == 0) of_other.push_back(other.took());
  }
  print(bench, one.what, of_one);
  print(bench, other.what, of_other);
}

void measure_writing(const Bench& bench) {
  const auto timed_alone = [&](auto&& write) {
    settle(bench);
    return timed_with_processor(bench, [&] { write(bench); });
  };
  in_turns(bench,
           {"raw write+fsync",
            [&] {
              fs::remove(raw_path(bench));
              return timed_alone(write_raw);
            }},
           {"dfm save", [&] {
              remove(bench, bench.folder / "checkpoints");
              return timed_alone(save);
            }});
}

void measure_reading(const Bench& bench, Values& into) {
  const auto checked = [&](auto&& read) {
    settle(bench);
    const Took took = timed_with_processor(bench, [&] { read(bench, into); });
    require_same_bytes(bench, into);
    return took;
  };
  const auto cold = [&](auto&& read) {
    drop_caches(bench);
    return checked(read);
  };
  in_turns(bench, {"raw read, cold", [&] { return cold(read_raw); }},
           {"dfm load, cold", [&] { return cold(load); }});
  in_turns(bench, {"raw read, warm", [&] { return checked(read_raw); }},
           {"dfm load, warm", [&] { return checked(load); }});
}

void measure(const Bench& bench) {
  Values copy(bench.values.size());
  measure_blocking(bench, copy);
  require_same_bytes(bench, copy);
  measure_writing(bench);
  measure_reading(bench, copy);
}

void run(const fs::path& folder, std::size_t mib) {
  const comm::Group world = comm::Group::world();
  const std::size_t count = (mib << 20U) / sizeof(float) / static_cast<std::size_t>(world.size());
  Bench bench{world, folder, fill(count, world.rank()), {}};
  bench.pieces = cut(bench.values, world);
  make_folder(folder / "checkpoints");
  make_folder(folder / "asynchronous");
  measure(bench);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fputs("usage: checkpoint_bench FOLDER MIB\n", stderr);
    return 2;
  }
  const dfm::comm::MpiRuntime mpi(&argc, &argv);
  run(argv[1], std::stoul(argv[2]));
  return 0;
}
