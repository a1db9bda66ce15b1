#include "prepare/worker.h"

#include <fmt/core.h>

#include "core/stop_token.h"
#include "data/tar/shard_writer.h"
#include "media/entry_name.h"
#include "prepare/put_together.h"
#include "prepare/synthetic.h"
#include "prepare/video_samples.h"

namespace dfm::prepare {
namespace {

std::span<const std::byte> bytes_of(const std::string& text) { return std::as_bytes(std::span(text)); }

// A shard or part on its way, with what was left out of it.
class OpenTar {
 public:
  OpenTar(const OutputFolder& folder, std::filesystem::path path)
      : folder_(folder), path_(std::move(path)), writer_(path_) {}

  void add(const KeyedSample& sample) {
    writer_.add(sample.key + ".json", bytes_of(sample.files.json));
    writer_.add(sample.key + ".pickle", sample.files.pickle);
    writer_.add(sample.key + ".pth", sample.files.pth);
    ++record_.samples;
  }

  void leave_out(std::int64_t item, const std::string& name, const char* why) {
    record_.left_out.push_back({item, fmt::format("{}: {}", name, why)});
  }

  void commit() {
    folder_.remember(path_, record_);
    writer_.commit();
  }

 private:
  const OutputFolder& folder_;
  std::filesystem::path path_;
  ShardRecord record_;
  data::ShardWriter writer_;
};

}  // namespace

HandOut::HandOut(const WorkPlan& plan, const comm::Group& world)
    : plan_(plan), counters_(world, kFirstShard + plan.shards.size()) {}

std::optional<Ticket> HandOut::next() {
  asked_ = {};
  if (is_stopped()) return std::nullopt;
  const auto number = static_cast<std::size_t>(counters_.add(kNext, 1));
  return number < plan_.tickets.size() ? std::optional(plan_.tickets[number]) : std::nullopt;
}

bool HandOut::finish(const Ticket& ticket) {
  if (ticket.part == Ticket::kNoPart) return true;
  const std::int64_t before = counters_.add(kFirstShard + ticket.plan, 1);
  return before + 1 == std::ssize(plan_.shards[ticket.plan].missing);
}

std::int64_t HandOut::count_item() {
  const std::int64_t seen_before = items_;
  items_ = counters_.add(kItems, 1) + 1;
  return items_ - seen_before;
}

bool HandOut::is_stopped() {
  constexpr std::chrono::milliseconds kInterval{200};
  if (stopped_ || std::chrono::steady_clock::now() - asked_ < kInterval) return stopped_;
  if (StopToken::requested()) stop();
  stopped_ = counters_.read(kStop) > 0;
  asked_ = std::chrono::steady_clock::now();
  return stopped_;
}

bool Worker::run(const WorkPlan& plan, HandOut& hand_out, Progress& progress) {
  try {
    while (const auto ticket = hand_out.next()) {
      const ShardPlan& shard = plan.shards[ticket->plan];
      const bool has_part = ticket->part != Ticket::kNoPart;
      if (has_part && !make(shard, shard.parts[ticket->part], hand_out, progress)) return false;
      if (hand_out.finish(*ticket)) complete(shard);
    }
    return !hand_out.is_stopped();
  } catch (...) {
    hand_out.stop();
    throw;
  }
}

bool Worker::make(const ShardPlan& shard, const ItemRange& part, HandOut& hand_out, Progress& progress) {
  const bool is_whole = shard.making == Making::whole;
  OpenTar tar(folder_, is_whole ? folder_.shard_path(shard.shard) : folder_.part_path(part));
  for (std::int64_t item = part.begin; item < part.end; ++item) {
    if (hand_out.is_stopped()) return false;
    turn_to(item);
    try {
      for (const KeyedSample& sample : samples_of(item)) tar.add(sample);
    } catch (const Error& error) {
      if (error.kind() != ExitCode::data || settings_.on_bad_input == OnBadInput::fail) throw;
      tar.leave_out(item, source_.items[static_cast<std::size_t>(item)].name, error.what());
    }
    progress.advance(hand_out.count_item());
  }
  tar.commit();
  return true;
}

void Worker::complete(const ShardPlan& shard) {
  switch (shard.making) {
    case Making::whole:
      return;
    case Making::joined:
      return put_together(folder_, shard.shard, shard.parts);
    case Making::mended:
      return mend_shard(folder_, shard.shard, shard.parts);
  }
}

void Worker::turn_to(std::int64_t item) {
  if (settings_.synthetic > 0) return;
  if (!reader_) reader_.emplace(source_).next();
  while (static_cast<std::int64_t>(reader_->index()) < item) reader_->next();
}

std::vector<KeyedSample> Worker::samples_of(std::int64_t number) {
  const std::string key = fmt::format("{:06}", number);
  const media::Item& item = source_.items[static_cast<std::size_t>(number)];
  if (settings_.synthetic > 0)
    return {{key, make_synthetic_sample(item, static_cast<std::size_t>(number), settings_)}};
  if (!media::is_video_name(item.name)) return {{key, make_sample(item, reader_->read(), settings_)}};
  std::vector<KeyedSample> samples;
  for (NamedSample& sample : make_video_samples(item, reader_->read(), settings_))
    samples.push_back({key + sample.suffix, std::move(sample.files)});
  return samples;
}

}  // namespace dfm::prepare
