// A program of somebody else on dfm's library: lists the checkpoints below a folder and counts a data set's
// samples.
#include <cstdio>

#include "ckpt/checkpoint.h"
#include "data/energon/split_shards.h"

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  for (const auto& checkpoint : dfm::ckpt::list_checkpoints(argv[1])) {
    std::printf("checkpoint %lld\n", static_cast<long long>(checkpoint.step));
  }
  unsigned long long samples = 0;
  for (const auto& shard : dfm::data::read_split(argv[2], "train")) samples += shard.samples;
  std::printf("samples %llu\n", samples);
}
