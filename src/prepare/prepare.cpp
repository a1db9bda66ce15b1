#include "prepare/prepare.h"

#include <algorithm>

#include <fmt/core.h>

#include "comm/agree.h"
#include "core/hash.h"
#include "core/log.h"
#include "core/stop_token.h"
#include "data/tar/shard_writer.h"
#include "media/entry_name.h"
#include "media/source.h"
#include "prepare/output_folder.h"
#include "prepare/sample_maker.h"
#include "prepare/synthetic.h"
#include "prepare/video_samples.h"

namespace dfm::prepare {
namespace {

std::span<const std::byte> bytes_of(const std::string& text) { return std::as_bytes(std::span(text)); }

// A shard on its way, with what was left out of it.
class OpenShard {
 public:
  OpenShard(const OutputFolder& folder, std::int64_t number)
      : folder_(folder), number_(number), writer_(folder.shard_path(number)) {}

  std::int64_t number() const { return number_; }

  void add(const std::string& key, const SampleFiles& files) {
    writer_.add(key + ".json", bytes_of(files.json));
    writer_.add(key + ".pickle", files.pickle);
    writer_.add(key + ".pth", files.pth);
    ++record_.samples;
  }

  void leave_out(const std::string& name, const char* why) {
    record_.skipped.push_back(fmt::format("{}: {}", name, why));
  }

  void commit() {
    folder_.remember(number_, record_);
    writer_.commit();
  }

 private:
  const OutputFolder& folder_;
  std::int64_t number_;
  ShardRecord record_;
  data::ShardWriter writer_;
};

// Makes this rank's share of the unfinished shards in one pass through the source.
class Worker {
 public:
  Worker(const PrepareSettings& settings, const OutputFolder& folder, const media::Source& source,
         std::vector<bool> mine)
      : settings_(settings), folder_(folder), source_(source), mine_(std::move(mine)) {}

  // False when asked to stop; unfinished shards then leave nothing behind.
  bool run(Progress& progress) {
    if (settings_.synthetic > 0) return run_synthetic(progress);
    media::SourceReader reader(source_);
    while (reader.next()) {
      if (StopToken::requested()) return false;
      if (turn_to(reader.index())) take(reader);
      progress.advance(1);
    }
    finish();
    return true;
  }

 private:
  bool run_synthetic(Progress& progress) {
    for (std::size_t i = 0; i < source_.items.size(); ++i) {
      if (StopToken::requested()) return false;
      if (turn_to(i)) {
        open_->add(fmt::format("{:06}", i), make_synthetic_sample(source_.items[i], i, settings_));
      }
      progress.advance(1);
    }
    finish();
    return true;
  }

  // Opens the shard of an item, where it is this rank's.
  bool turn_to(std::size_t item) {
    const auto shard = static_cast<std::int64_t>(item) / settings_.shard_maxcount;
    if (open_ && open_->number() != shard) finish();
    if (!mine_[static_cast<std::size_t>(shard)]) return false;
    if (!open_) open_.emplace(folder_, shard);
    return true;
  }

  void take(media::SourceReader& reader) {
    try {
      const std::string key = fmt::format("{:06}", reader.index());
      if (media::is_video_name(reader.item().name)) {
        for (const NamedSample& sample : make_video_samples(reader.item(), reader.read(), settings_)) {
          open_->add(key + sample.suffix, sample.files);
        }
      } else {
        open_->add(key, make_sample(reader.item(), reader.read(), settings_));
      }
    } catch (const Error& error) {
      if (error.kind() != ExitCode::data || settings_.on_bad_input == OnBadInput::fail) throw;
      open_->leave_out(reader.item().name, error.what());
    }
  }

  void finish() {
    if (open_) open_->commit();
    open_.reset();
  }

  const PrepareSettings& settings_;
  const OutputFolder& folder_;
  const media::Source& source_;
  std::vector<bool> mine_;  // by shard
  std::optional<OpenShard> open_;
};

// Collective. The source as rank 0 sees it.
media::Source shared_source(const PrepareSettings& settings, const comm::Group& world) {
  if (settings.synthetic > 0) return synthetic_source(settings.synthetic);
  const std::string text = comm::agreed(world, [&] {
    return world.rank() == 0 ? media::to_text(media::open_source(settings.source)) : std::string();
  });
  return media::source_from_text(world.broadcast_text(text, 0));
}

// Shards that are not finished, dealt to the ranks in turn. Collective: rank 0 looks.
std::vector<bool> my_shards(const OutputFolder& folder, std::int64_t shards, const comm::Group& world,
                            PrepareReport& report) {
  const std::string finished = comm::agreed(world, [&] {
    std::string flags;
    for (std::int64_t i = 0; i < shards && world.rank() == 0; ++i) flags += folder.finished(i) ? '1' : '0';
    return flags;
  });
  const std::string flags = world.broadcast_text(finished, 0);
  std::vector<bool> mine(flags.size());
  int turn = 0;
  for (std::size_t i = 0; i < flags.size(); ++i) {
    if (flags[i] == '1') {
      ++report.shards_found;
    } else {
      mine[i] = turn++ % world.size() == world.rank();
    }
  }
  return mine;
}

// Collective. Sums up the records of all shards, which rank 0 reads.
void collect_records(const OutputFolder& folder, std::int64_t shards, const comm::Group& world,
                     PrepareReport& report) {
  const std::string mine = comm::agreed(world, [&] {
    ShardRecord all;
    for (std::int64_t i = 0; i < shards && world.rank() == 0; ++i) {
      const auto record = folder.finished(i);
      ensure(record.has_value(), "a shard that was just made is not there");
      all.samples += record->samples;
      all.skipped.insert(all.skipped.end(), record->skipped.begin(), record->skipped.end());
    }
    return to_text(all);
  });
  ShardRecord all = shard_record_from_text(world.broadcast_text(mine, 0), "the report of rank 0");
  report.samples = all.samples;
  report.skipped = std::move(all.skipped);
}

void require_both_or_none(const PrepareSettings& settings) {
  for (const int edge : {settings.height, settings.width}) {
    if (edge % 16 != 0) {
      throw usage_error(fmt::format("{} pixels are not a multiple of 16", edge),
                        fmt::format("use {} or {}", edge / 16 * 16, (edge / 16 + 1) * 16));
    }
  }
  if ((settings.height == 0) == (settings.width == 0)) return;
  throw usage_error("only one of prepare.height and prepare.width is given", "give both, or none");
}

void require_no_source_of_synthetic(const PrepareSettings& settings) {
  if (settings.synthetic == 0 || settings.source.empty()) return;
  throw usage_error(
      fmt::format("prepare.synthetic takes no source, but {} is given", settings.source.native()),
      "name the folder for the shards by --output-dir alone");
}

void require_size_of_synthetic(const PrepareSettings& settings) {
  if (settings.synthetic == 0 || settings.height != 0) return;
  throw usage_error("synthetic samples have no size of their own", "give --height and --width");
}

}  // namespace

PrepareSettings prepare_settings(const Config& config) {
  PrepareSettings settings;
  settings.synthetic = config.optional_integer("prepare.synthetic").value_or(0);
  settings.source = settings.synthetic == 0 ? config.text("prepare.source")
                                            : config.optional_text("prepare.source").value_or("");
  require_no_source_of_synthetic(settings);
  settings.output = config.text("prepare.output");
  settings.height = static_cast<int>(config.optional_integer("prepare.height").value_or(0));
  settings.width = static_cast<int>(config.optional_integer("prepare.width").value_or(0));
  settings.resize_mode = media::parse_resize_mode(config.text("prepare.resize_mode"));
  settings.video_mode = config.text("prepare.mode") == "frames" ? VideoMode::frames : VideoMode::video;
  settings.num_frames = config.integer("prepare.num_frames");
  settings.shard_maxcount = config.integer("prepare.shard_maxcount");
  settings.on_bad_input = config.text("prepare.on_bad_input") == "fail" ? OnBadInput::fail : OnBadInput::skip;
  settings.codec_name = config.text("encoders.codec");
  settings.text_encoder_name = config.text("encoders.text");
  settings.codec = model::make_codec(settings.codec_name);
  settings.text_encoder = model::make_text_encoder(settings.text_encoder_name);
  settings.fingerprint = fmt::format("{} x {} {}, {} a shard, {}, {}", settings.width, settings.height,
                                     config.text("prepare.resize_mode"), settings.shard_maxcount,
                                     settings.codec_name, settings.text_encoder_name);
  if (settings.video_mode == VideoMode::frames) {
    settings.fingerprint += fmt::format(", {} frames of a video", settings.num_frames);
  }
  if (settings.synthetic > 0) {
    settings.fingerprint += fmt::format(", synthetic of {} frames", settings.num_frames);
  }
  require_both_or_none(settings);
  require_size_of_synthetic(settings);
  return settings;
}

ExitCode PrepareReport::exit_code() const {
  if (stopped) return ExitCode::stopped;
  return skipped.empty() ? ExitCode::done : ExitCode::partial;
}

PrepareReport prepare(const PrepareSettings& settings, const comm::Group& world,
                      ProgressStyle progress_style) {
  const media::Source source = shared_source(settings, world);
  const OutputFolder folder(settings.output);
  comm::agreed(world, [&] {
    if (world.rank() != 0) return;
    for (const std::string& warning : source.warnings) log::warn("{}", warning);
    folder.claim(fmt::format("{}, items {}", settings.fingerprint, hex(hash64(media::to_text(source)))));
  });
  const auto items = static_cast<std::int64_t>(source.items.size());
  PrepareReport report;
  report.shards = (items + settings.shard_maxcount - 1) / settings.shard_maxcount;
  const std::vector<bool> mine = my_shards(folder, report.shards, world, report);

  Progress progress("Preparing", items, progress_style);
  const bool finished =
      comm::agreed(world, [&] { return Worker(settings, folder, source, mine).run(progress); });
  std::int64_t stopped = finished ? 0 : 1;
  world.all_reduce_max(std::span(&stopped, 1));
  report.stopped = stopped != 0;
  if (!report.stopped) collect_records(folder, report.shards, world, report);
  return report;
}

}  // namespace dfm::prepare
