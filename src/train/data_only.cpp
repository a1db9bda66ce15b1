#include "train/data_only.h"

#include <algorithm>
#include <chrono>
#include <optional>
#include <thread>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "comm/agree.h"
#include "comm/grid_settings.h"
#include "comm/rank_grid.h"
#include "core/activity.h"
#include "core/json.h"
#include "core/log.h"
#include "core/stop_token.h"
#include "core/units.h"
#include "data/loader/prefetching_reader.h"
#include "data/loader/shared_batch.h"
#include "train/bad_samples.h"
#include "train/setup.h"
#include "train/staged_data.h"
#include "train/trainer.h"

namespace dfm::train {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// What one rank saw.
struct Reading {
  std::int64_t samples = 0, bad = 0, unwanted = 0;
  std::uint64_t bytes = 0;  // of latents and text
  double waiting_seconds = 0, seconds = 0;

  void add(const data::StepBatch& batch) {
    bad += static_cast<std::int64_t>(batch.bad.size());
    unwanted += batch.unwanted;
    for (const auto& pack : batch.packs) {
      samples += static_cast<std::int64_t>(pack.size());
      for (const auto& each : pack) bytes += each.sample.latent.bytes.size() + each.sample.text.bytes.size();
    }
  }
};

class DataOnlyLoop {
 public:
  DataOnlyLoop(const Config& config, const comm::Group& world, const comm::Group& replica,
               data::PrefetchingReader reader)
      : world_(world),
        replica_(replica),
        reader_(std::move(reader)),
        steps_(config.integer("train.train_iters")),
        stop_after_(config.optional_integer("train.stop_after_steps")),
        compute_seconds_(config.real("train.data_only_step_seconds")),
        bad_samples_(world, config.integer("dataset.max_bad_samples")) {}

  ExitCode run(Progress& progress) {
    const auto start = Clock::now();
    while (done_ < steps_ && !comm::stop_requested_anywhere(world_)) {
      step();
      progress.advance(1);
      if (stop_after_ && done_ >= *stop_after_) StopToken::request("train.stop_after_steps");
    }
    mine_.seconds = seconds_since(start);
    return done_ < steps_ ? ExitCode::stopped : ExitCode::done;
  }

  std::int64_t done() const { return done_; }
  // Of the ranks, over all steps and in the worst one.
  double mean_imbalance() const { return done_ == 0 ? 0 : imbalance_sum_ / static_cast<double>(done_); }
  double worst_imbalance() const { return worst_imbalance_; }
  // Whether this rank reads, and not a peer for it.
  bool reads() const { return replica_.rank() == 0; }
  const Reading& mine() const { return mine_; }

 private:
  void step() {
    const auto start = Clock::now();
    data::StepBatch batch = comm::agreed(world_, [&] {
      return data::read_once(replica_, [&] { return reader_.take(done_ * reader_.global_batch_size()); });
    });
    mine_.waiting_seconds += seconds_since(start);
    if (reads()) mine_.add(batch);
    imbalance_sum_ += batch.imbalance;
    worst_imbalance_ = std::max(worst_imbalance_, batch.imbalance);
    std::int64_t bad = static_cast<std::int64_t>(batch.bad.size());
    world_.all_reduce_sum(std::span(&bad, 1));
    if (bad > 0) bad_samples_.note(batch, reader_);
    data::give_back(std::move(batch));
    std::this_thread::sleep_for(std::chrono::duration<double>(compute_seconds_));
    activity::note_step(++done_);
  }

  const comm::Group& world_;
  const comm::Group& replica_;  // that compute the same samples
  data::PrefetchingReader reader_;
  std::int64_t steps_;
  std::optional<std::int64_t> stop_after_;
  double compute_seconds_;
  BadSamples bad_samples_;
  std::int64_t done_ = 0;
  double imbalance_sum_ = 0, worst_imbalance_ = 0;
  Reading mine_;
};

std::string spread(std::vector<double> values, const char* unit) {
  std::ranges::sort(values);
  return fmt::format("{:.1f} / {:.1f} / {:.1f} {}", values.front(), values[values.size() / 2], values.back(),
                     unit);
}

std::string as_text(const Reading& mine) {
  return Json::array({mine.samples, mine.bad, mine.bytes, mine.waiting_seconds, std::max(mine.seconds, 1e-9),
                      mine.unwanted})
      .dump();
}

// Collective. One line for the run, one for the ranks that read; mine: null on the others.
void report(const comm::Group& world, const Reading* reading, std::int64_t steps) {
  const std::string text = reading == nullptr ? "" : as_text(*reading);
  std::int64_t samples = 0, bad = 0, unwanted = 0;
  std::uint64_t bytes = 0;
  double longest = 0;
  std::vector<double> samples_per_second, megabytes_per_second, stall_percent;
  for (const std::string& each : world.all_gather_text(text)) {
    if (each.empty()) continue;
    const Json rank = parse_json(each, "the report of a rank");
    const double rank_seconds = rank.at(4);
    samples += rank.at(0).get<std::int64_t>();
    bad += rank.at(1).get<std::int64_t>();
    bytes += rank.at(2).get<std::uint64_t>();
    unwanted += rank.at(5).get<std::int64_t>();
    longest = std::max(longest, rank_seconds);
    samples_per_second.push_back(rank.at(0).get<double>() / rank_seconds);
    megabytes_per_second.push_back(rank.at(2).get<double>() / 1e6 / rank_seconds);
    stall_percent.push_back(100 * rank.at(3).get<double>() / rank_seconds);
  }
  if (bad > 0) log::info("{} samples could not be read", bad);
  if (unwanted > 0) log::info("dataset.aesthetic_score left out {} samples", unwanted);
  log::info("data only: {} steps, {} samples, {} in {:.2f} s: {:.1f} samples/s, {:.1f} MB/s", steps, samples,
            format_bytes(bytes), longest, static_cast<double>(samples) / longest,
            static_cast<double>(bytes) / 1e6 / longest);
  log::info("per rank, min / median / max: {}, {}, stalled {} of the time",
            spread(samples_per_second, "samples/s"), spread(megabytes_per_second, "MB/s"),
            spread(stall_percent, "%"));
}

}  // namespace

ExitCode read_data_only(const Config& config, const comm::Group& world, ProgressStyle progress_style) {
  const auto grid =
      comm::agreed(world, [&] { return comm::RankGrid(world.size(), comm::grid_shape(config)); });
  const comm::GridGroups groups(world, grid);
  const DataIndex index = shared_data_index(config, world);
  const auto staging = start_staging(config, world, index);
  if (staging && comm::stop_requested_anywhere(world)) return ExitCode::stopped;
  data::PrefetchingReader reader = comm::agreed(world, [&] {
    return data::PrefetchingReader(
        data::StepReader(training_source(config, index, nearby_copies(staging.get())),
                         reader_settings(config, trainer_settings(config).model, groups.data)),
        read_ahead(config));
  });
  DataOnlyLoop loop(config, world, groups.replica, std::move(reader));
  Progress progress("Reading", config.integer("train.train_iters"), progress_style);
  const ExitCode code = loop.run(progress);
  report(world, loop.reads() ? &loop.mine() : nullptr, loop.done());
  if (groups.data.size() > 1) {
    log::info("the rank with the most FLOPs of a step has {:.1f} % more than the mean, {:.1f} % at worst",
              100 * loop.mean_imbalance(), 100 * loop.worst_imbalance());
  }
  return code;
}

}  // namespace dfm::train
