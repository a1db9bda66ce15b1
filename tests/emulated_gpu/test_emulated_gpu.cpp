// What the emulated GPU is for: code that would fail on a GPU fails on it.
#include <cmath>
#include <csignal>
#include <thread>

#include <gtest/gtest.h>

#include "nn/device.h"
#include "nn/host_copy.h"

namespace dfm {
namespace {

const at::Device& gpu() {
  static const at::Device device = nn::open_device("cuda", 0);
  return device;
}

at::Tensor numbers(std::int64_t count) { return at::arange(count, at::kFloat); }

TEST(EmulatedGpu, ComputesWhatTheCpuDoes) {
  const at::Tensor here = at::randn({5, 7}), there = here.to(gpu());
  EXPECT_TRUE(at::equal((there.mm(there.t()) + 1).softmax(1).cpu(), (here.mm(here.t()) + 1).softmax(1)));
}

TEST(EmulatedGpu, KillsAHostThatFollowsAnAddressOfTheDevice) {
  const at::Tensor there = numbers(10).to(gpu());
  EXPECT_EXIT(std::exit(nn::floats_of(there)[0] == 0 ? 0 : 1), testing::KilledBySignal(SIGSEGV), "");
}

TEST(EmulatedGpu, RefusesATensorOfTheHostAmongItsOwn) {
  EXPECT_THROW(numbers(10).to(gpu()) + numbers(10), c10::Error);
}

TEST(EmulatedGpu, HasNoNumbersInMemoryThatNobodyHasWritten) {
  EXPECT_TRUE(at::empty({100}, at::TensorOptions(gpu()).dtype(at::kFloat)).isnan().all().cpu().item<bool>());
}

TEST(EmulatedGpu, BringsToPinnedMemoryOnlyWhatIsWaitedFor) {
  const at::Tensor there = numbers(10).to(gpu()), pinned = at::empty({10}, at::kFloat).pin_memory();
  const auto stream = c10::impl::VirtualGuardImpl(at::kCUDA).getStream(gpu());
  pinned.copy_(there, /*non_blocking=*/true);
  EXPECT_TRUE(std::isnan(pinned[3].item<float>()));
  stream.synchronize();
  EXPECT_EQ(pinned[3].item<float>(), 3);
}

// Calls body(channel, rank) on a thread a rank.
template <class Body>
void on_ranks(int ranks, const Body& body) {
  const std::string id = nn::channel_id();
  std::vector<std::thread> threads;
  threads.reserve(static_cast<std::size_t>(ranks));
  for (int rank = 0; rank < ranks; ++rank)
    threads.emplace_back([&, rank] { body(*nn::join_channel(id, rank, ranks), rank); });
  for (std::thread& thread : threads) thread.join();
}

TEST(EmulatedNccl, SumsArriveWhenTheyAreAskedFor) {
  gpu();
  on_ranks(3, [](comm::DeviceChannel& channel, int rank) {
    const at::Tensor values = (numbers(10) + rank).to(gpu());
    const auto arrived = channel.all_reduce_sum(nn::floats_of(values));
    EXPECT_TRUE(std::isnan(values.cpu()[3].item<float>()));
    arrived();
    EXPECT_TRUE(at::equal(values.cpu(), numbers(10) * 3 + 3));
  });
}

TEST(EmulatedNccl, MessagesComeInOrderAndTheirSendersWaitForNobody) {
  gpu();
  on_ranks(2, [](comm::DeviceChannel& channel, int rank) {
    for (int i = 0; i < 3 && rank == 0; ++i) {
      const at::Tensor values = (numbers(10) + i).to(gpu());
      channel.send(std::as_bytes(nn::floats_of(values)), 1)();
    }
    for (int i = 0; i < 3 && rank == 1; ++i) {
      const at::Tensor values = numbers(10).to(gpu());
      const auto arrived = channel.receive(std::as_writable_bytes(nn::floats_of(values)), 0);
      EXPECT_FALSE(arrived.is_over());
      arrived();
      EXPECT_TRUE(at::equal(values.cpu(), numbers(10) + i));
    }
  });
}

TEST(EmulatedNccl, EndsAProcessThatChangesWhatIsNotReadYet) {
  gpu();
  const auto change = [] {
    on_ranks(2, [](comm::DeviceChannel& channel, int rank) {
      const at::Tensor values = numbers(10).to(gpu()), there = at::empty_like(values);
      const auto arrived = channel.exchange(std::as_bytes(nn::floats_of(values)), 1 - rank,
                                            std::as_writable_bytes(nn::floats_of(there)), 1 - rank);
      values.add_(1);
      arrived();
    });
  };
  testing::GTEST_FLAG(death_test_style) = "threadsafe";
  EXPECT_DEATH(change(), "NCCL: memory was changed or freed before it was read");
}

TEST(EmulatedNccl, EndsAProcessWhoseRanksAskForDifferentThings) {
  gpu();
  const auto disagree = [] {
    on_ranks(2, [](comm::DeviceChannel& channel, int rank) {
      const at::Tensor values = numbers(10 + rank).to(gpu());
      channel.all_reduce_sum(nn::floats_of(values))();
    });
  };
  testing::GTEST_FLAG(death_test_style) = "threadsafe";
  EXPECT_DEATH(disagree(), "emulated GPU: NCCL: rank .* asks for all_reduce_sum of 1");
}

}  // namespace
}  // namespace dfm
