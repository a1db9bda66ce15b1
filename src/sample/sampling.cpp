#include "sample/sampling.h"

#include <algorithm>
#include <array>
#include <cmath>

#include <fmt/core.h>

#include "comm/agree.h"
#include "core/error.h"
#include "core/file.h"
#include "core/memory.h"
#include "core/stop_token.h"
#include "core/text.h"
#include "media/image_writer.h"
#include "media/video_writer.h"
#include "report/gallery.h"
#include "sample/latent_file.h"
#include "sample/memory_need.h"

namespace dfm::sample {
namespace fs = std::filesystem;
namespace {

constexpr const char* kLatents = "latents";

// What decides the pixels, beside the prompt and the sample's number.
std::string recipe_of(const Sampling& sampling, std::uint64_t number) {
  const SamplingSettings& settings = sampling.settings;
  const auto& g = settings.generation;
  const std::string sampler =
      g.flow ? fmt::format("flow order {} shift {}", g.flow->multistep ? 2 : 1, g.flow->shift)
             : fmt::format("order {} sigma {} {} rho {} churn {}", g.sampler.second_order ? 2 : 1,
                           g.sampler.sigma_min, g.sampler.sigma_max, g.sampler.rho, g.sampler.churn);
  return fmt::format("{} {} {}x{}x{} steps {} {} guidance {} seed {} number {}{}", sampling.model.fingerprint,
                     sampling.encoders.text.fingerprint, settings.frames, settings.height, settings.width,
                     g.sampler.steps, sampler, g.guidance, g.seed, number,
                     settings.negative_prompt ? " not " + *settings.negative_prompt : "");
}

const char* sampler_name(const diffusion::GenerateSettings& settings) {
  if (settings.flow) return settings.flow->multistep ? "unipc" : "euler";
  return settings.sampler.second_order ? "heun" : "euler";
}

fs::path latent_path(const WorkList& list, const WorkItem& item) {
  return list.folder / kLatents / (item.name + ".safetensors");
}

std::string result_name(const WorkItem& item, const SamplingSettings& settings) {
  return item.name + (settings.frames == 1 ? ".png" : ".mp4");
}

constexpr const char* kSheet = "contact_sheet.png";
constexpr const char* kPage = "index.html";

// What this program made has latents beside it, and is replaced; other files of the same names are not.
void refuse_strangers(const WorkList& list, const SamplingSettings& settings) {
  const auto refuse = [&](const fs::path& path) {
    if (!fs::exists(path)) return;
    throw usage_error(fmt::format("{} is there already, and was not made by dfm_sample", path.native()),
                      "choose another --output, or remove it");
  };
  for (const WorkItem& item : list.items) {
    if (!fs::exists(latent_path(list, item))) refuse(list.folder / result_name(item, settings));
  }
  if (list.is_one_file || fs::exists(list.folder / kLatents)) return;
  refuse(list.folder / kSheet);
  refuse(list.folder / kPage);
}

// Guidance or noise beyond what the arithmetic can hold, or damaged weights: nothing to go on with.
void require_finite(const Array& latent, const WorkItem& item) {
  const auto values = latent.as<float>();
  if (std::ranges::all_of(values, [](float value) { return std::isfinite(value); })) return;
  throw Error(
      ExitCode::internal,
      fmt::format("sample {} ('{}') has values that are not finite", item.number, printable(item.prompt)),
      "lower the guidance, leave the noise levels at their defaults, or try sample.precision=fp32");
}

// One rank's way through its batches.
class Sampler {
 public:
  explicit Sampler(const Sampling& sampling) : sampling_(sampling) {
    if (settings_.negative_prompt) negative_ = sampling.encoders.text.encode(*settings_.negative_prompt);
  }

  SamplingReport run(const comm::Group& world, Progress& progress) {
    const auto count = static_cast<std::int64_t>(list_.items.size());
    const std::int64_t stride = settings_.batch_size * world.size();
    for (std::int64_t first = world.rank() * settings_.batch_size; first < count; first += stride) {
      const std::int64_t last = std::min(first + settings_.batch_size, count);
      if (!run_batch_in_memory(first, last)) {
        report_.stopped = true;
        break;
      }
      progress.advance(std::min(stride, count - first));
    }
    return report_;
  }

 private:
  bool run_batch_in_memory(std::int64_t first, std::int64_t last) {
    try {
      return run_batch(first, last);
    } catch (...) {
      if (is_lack_of_memory(std::current_exception())) throw too_large(settings_);
      throw;
    }
  }

  // False when asked to stop.
  bool run_batch(std::int64_t first, std::int64_t last) {
    std::vector<Array> latents = latents_on_disk(first, last);
    if (latents.empty()) {
      latents = compute(first, last);
      if (latents.empty()) return false;
      report_.computed += last - first;
    } else {
      report_.found += last - first;
    }
    for (std::int64_t i = first; i < last; ++i) {
      write_result(list_.items[static_cast<std::size_t>(i)], latents[static_cast<std::size_t>(i - first)]);
    }
    return true;
  }

  // All of a batch, or none: what is computed together stays together.
  std::vector<Array> latents_on_disk(std::int64_t first, std::int64_t last) const {
    std::vector<Array> latents;
    for (std::int64_t i = first; i < last; ++i) {
      const WorkItem& item = list_.items[static_cast<std::size_t>(i)];
      auto latent = read_latent(latent_path(list_, item), item.prompt, recipe_of(sampling_, item.number));
      if (!latent) return {};
      latents.push_back(std::move(*latent));
    }
    return latents;
  }

  std::vector<Array> compute(std::int64_t first, std::int64_t last) const {
    const std::int64_t stride = sampling_.encoders.codec.spatial_stride;
    const Shape shape{sampling_.encoders.codec.channels, encoders::latent_frames(settings_.frames),
                      settings_.height / stride, settings_.width / stride};
    std::vector<diffusion::Request> requests;
    for (std::int64_t i = first; i < last; ++i) {
      const WorkItem& item = list_.items[static_cast<std::size_t>(i)];
      requests.push_back({sampling_.encoders.text.encode(item.prompt), shape, item.number, negative_});
    }
    auto latents =
        diffusion::generate(sampling_.model.network, requests, settings_.generation,
                            [](std::int64_t, const at::Tensor&) { return !StopToken::requested(); });
    for (std::size_t i = 0; i < latents.size(); ++i) {
      const WorkItem& item = list_.items[static_cast<std::size_t>(first) + i];
      require_finite(latents[i], item);
      write_latent(latent_path(list_, item), latents[i], item.prompt, recipe_of(sampling_, item.number));
    }
    return latents;
  }

  void write_result(const WorkItem& item, const Array& latent) const {
    const std::vector<media::Image> frames = sampling_.encoders.codec.decode(latent);
    const fs::path path = list_.folder / result_name(item, settings_);
    if (settings_.frames == 1) {
      write_durably(path, media::encode_png(frames.at(0)));
    } else {
      media::write_mp4(path, frames, settings_.frames_per_second);
    }
  }

  const Sampling& sampling_;
  const WorkList& list_ = sampling_.list;
  const SamplingSettings& settings_ = sampling_.settings;
  Array negative_;  // empty without a negative prompt
  SamplingReport report_;
};

}  // namespace

SamplingReport sample_all(const Sampling& sampling, const comm::Group& world, ProgressStyle progress_style) {
  const WorkList& list = sampling.list;
  comm::agreed(world, [&] {
    if (world.rank() != 0) return;
    refuse_strangers(list, sampling.settings);
    make_folder(list.folder / kLatents);
  });
  Progress progress("Sampling", static_cast<std::int64_t>(list.items.size()), progress_style);
  const SamplingReport mine = comm::agreed(world, [&] { return Sampler(sampling).run(world, progress); });
  std::array<std::int64_t, 3> sums{mine.computed, mine.found, mine.stopped ? 1 : 0};
  world.all_reduce_sum(std::span<std::int64_t>(sums));
  return {sums[0], sums[1], sums[2] > 0};
}

void write_overview(const Sampling& sampling) {
  static constexpr int kGapPixels = 4;
  const WorkList& list = sampling.list;
  const SamplingSettings& settings = sampling.settings;
  std::vector<media::Image> cells;
  report::Gallery gallery{.title = "Samples"};
  for (const WorkItem& item : list.items) {
    StopToken::throw_if_requested();
    const auto latent = read_latent(latent_path(list, item), item.prompt, recipe_of(sampling, item.number));
    ensure(latent.has_value(), "a latent that was just written is not there");
    cells.push_back(sampling.encoders.codec.decode(encoders::first_latent_frame(*latent)).at(0));
    gallery.pictures.push_back({item.prompt, report::FileBesidePage{result_name(item, settings)}});
  }
  const bool one_each = list.samples_per_prompt == 1;
  const auto columns = one_each ? std::min<std::int64_t>(10, static_cast<std::int64_t>(cells.size()))
                                : list.samples_per_prompt;
  write_durably(list.folder / kSheet,
                media::encode_png(media::contact_sheet(cells, static_cast<int>(columns), kGapPixels)));
  const auto& g = settings.generation;
  gallery.facts = {
      {"Sampler", fmt::format("{}, {} steps", sampler_name(g), g.sampler.steps)},
      {"Guidance", fmt::format("{}", g.guidance)},
      {"Seed", std::to_string(g.seed)},
      {"Size", fmt::format("{} x {} pixels, {} frames", settings.width, settings.height, settings.frames)},
      {"Weights", sampling.model.fingerprint}};
  report::write_gallery(list.folder / kPage, gallery);
}

}  // namespace dfm::sample
