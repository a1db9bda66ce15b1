// shard_bench FOLDER SHARDS SAMPLES SIZE...: writes SHARDS shards of SAMPLES samples, each of members of
// these sizes, and prints the seconds that it took, by the clock and of the processor.
#include <chrono>
#include <cstdlib>
#include <random>
#include <vector>

#include <fmt/core.h>
#include <sys/resource.h>

#include "data/tar/shard_writer.h"

namespace {

double processor_seconds() {
  struct rusage usage {};
  ::getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         1e-6 * static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 5) return 2;
  const std::filesystem::path folder = argv[1];
  const long shards = std::atol(argv[2]), samples = std::atol(argv[3]);
  std::vector<std::vector<std::byte>> members;
  std::mt19937 random(1);
  for (int i = 4; i < argc; ++i) {
    members.emplace_back(static_cast<std::size_t>(std::atol(argv[i])));
    for (std::byte& byte : members.back()) byte = std::byte(random());
  }
  const auto start = std::chrono::steady_clock::now();
  const double used = processor_seconds();
  for (long shard = 0; shard < shards; ++shard) {
    dfm::data::ShardWriter writer(folder / fmt::format("shard-{:06}.tar", shard));
    for (long sample = 0; sample < samples; ++sample) {
      for (std::size_t i = 0; i < members.size(); ++i)
        writer.add(fmt::format("{:09}.part{}", shard * samples + sample, i), members[i]);
    }
    writer.commit();
  }
  fmt::print("{} {}\n", std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count(),
             processor_seconds() - used);
  return 0;
}
