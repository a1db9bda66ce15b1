// What tests of whole preparations share.
#pragma once

#include <gtest/gtest.h>

#include "unit/prepare/small_pictures.h"
#include "unit/train/one_rank.h"

namespace dfm::prepare {

// A folder of pictures, and one for their shards, which one rank makes.
class OfSmallPictures : public ::testing::Test {
 protected:
  explicit OfSmallPictures(int count) { write_pictures(pictures_, count); }

  PrepareReport run_into(const std::filesystem::path& shards, const Layer& more) const {
    return prepare(settings_with(pictures_, shards, more), dfm::testing::one_rank_groups().data_context,
                   ProgressStyle::silent);
  }
  std::filesystem::path shard(int number) const { return shards_ / fmt::format("shard_{:06}.tar", number); }

  dfm::testing::TemporaryFolder folder_;
  const std::filesystem::path pictures_ = folder_ / "pictures", shards_ = folder_ / "shards";
};

}  // namespace dfm::prepare
