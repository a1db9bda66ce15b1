// From pictures and videos with captions to shards of latents and text embeddings.
//
// Shard i holds the items [i * shard_maxcount, (i + 1) * shard_maxcount) of the source's fixed order, so the
// bytes do not depend on the number of ranks. Items are handed out to the ranks in small blocks as they come
// (prepare/worker.h); a shard or block that is there is finished: running again after an interruption makes
// the rest. What each shard left out is remembered in DST/.dfm_prepare, and tried again by the next run: a
// shard whose items can be used meanwhile then has the bytes as if they always could.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "comm/group.h"
#include "config/config.h"
#include "core/error.h"
#include "core/progress.h"
#include "encoders/encoders.h"
#include "media/image_resize.h"

namespace dfm::prepare {

enum class OnBadInput { skip, fail };
// Where height and width are given: the middle at the wanted aspect ratio; all of it inside, cut to a
// multiple of 16; or all of it at another aspect ratio.
enum class Fit { crop, inside, stretch };
enum class VideoMode { video, frames };

struct PrepareSettings {
  std::filesystem::path source;
  std::filesystem::path output;
  int height = 0;  // pixels; 0: as the picture is, cut to a multiple of 16
  int width = 0;
  media::ResizeMode resize_mode = media::ResizeMode::bicubic;
  std::string resize_mode_name;
  Fit fit = Fit::crop;
  VideoMode video_mode = VideoMode::video;
  std::int64_t num_frames = 10;         // of a video, with VideoMode::frames; of a synthetic sample
  std::int64_t synthetic = 0;           // samples; 0: they come from the source
  std::int64_t shard_maxcount = 10000;  // items
  OnBadInput on_bad_input = OnBadInput::skip;
  encoders::Encoders encoders;
  std::string fingerprint;  // of everything above that decides what a shard holds
};

// Collective. Where the encoders of this configuration run. Throws a usage error for a GPU that is asked for
// in vain. Nothing may have used LibTorch before.
at::Device encoder_device(const Config& config, const comm::Group& world, int local_rank);

// Opens the encoders on their device.
PrepareSettings prepare_settings(const Config& config, const at::Device& device);

struct PrepareReport {
  std::int64_t shards = 0;
  std::int64_t shards_found = 0;  // already there
  std::int64_t samples = 0;
  std::int64_t mended = 0;              // items that an earlier run left out and that are in now
  std::vector<std::string> skipped;     // "name: why"
  std::filesystem::path left_out_list;  // the file that has them
  bool stopped = false;

  ExitCode exit_code() const;
};

// Collective. The same report on every rank. Throws on all ranks: a usage error when the output folder holds
// other shards, a data error for a source that cannot be read (and for any bad item with OnBadInput::fail), a
// storage error when a shard cannot be written.
PrepareReport prepare(const PrepareSettings& settings, const comm::Group& world, ProgressStyle progress);

}  // namespace dfm::prepare
