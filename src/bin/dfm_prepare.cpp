// dfm_prepare SRC DST: pictures and videos with captions to shards of latents and text embeddings.
#include <algorithm>

#include "cli/run_program.h"
#include "comm/agree.h"
#include "core/allocator.h"
#include "core/log.h"
#include "core/units.h"
#include "nn/device.h"
#include "prepare/prepare.h"

namespace {

using namespace dfm;

cli::Program program() {
  return {
      .name = "dfm_prepare",
      .summary =
          "Turns a folder or archive of images and videos with captions into webdataset shards of "
          "latents and text embeddings.",
      .positionals = {{"SRC", "prepare.source"}, {"DST", "prepare.output"}},
      .options = {{"height", "prepare.height"},
                  {"width", "prepare.width"},
                  {"resize-mode", "prepare.resize_mode"},
                  {"center-crop", "prepare.center_crop"},
                  {"no-aspect-ratio", "prepare.no_aspect_ratio"},
                  {"mode", "prepare.mode"},
                  {"num-frames", "prepare.num_frames"},
                  {"synthetic", "prepare.synthetic"},
                  {"shard-maxcount", "prepare.shard_maxcount"},
                  {"video-folder", "prepare.source"},
                  {"output-dir", "prepare.output"},
                  {"output-format", "prepare.output_format"},
                  {"device", "prepare.device"},
                  {"stochastic", "prepare.stochastic"},
                  {"no-memory-optimization", "prepare.no_memory_optimization"},
                  {"model", "prepare.model"}},
      .sections = {"prepare", "encoders"},
      .examples =
          "  dfm_prepare pictures/ shards/ --height 256 --width 256\n"
          "  mpirun -n 4 dfm_prepare pictures.tar.gz shards/ --shard-maxcount 1000\n"
          "  dfm_prepare videos/ shards/ --mode frames --num-frames 4 --height 256 --width 256\n"
          "  dfm_prepare --synthetic 1000 --output-dir shards/ --height 256 --width 256 --num-frames 1\n"};
}

ExitCode run(const Config& config, const cli::Context& context) {
  const at::Device device = prepare::encoder_device(config, context.world, context.topology.local_rank);
  at::set_num_threads(context.topology.threads);
  const auto settings =
      comm::agreed(context.world, [&] { return prepare::prepare_settings(config, device); });
  log::info("codec {}, text encoder {}, on {}", settings.encoders.codec.fingerprint,
            settings.encoders.text.fingerprint, nn::describe(device));
  if (config.text("encoders.text") == "hash") log::info("text encoder 'hash' knows words, not meaning");
  const auto report = prepare::prepare(settings, context.world, context.progress);
  if (context.world.rank() == 0) {
    static constexpr std::size_t kShown = 100;
    for (std::size_t i = 0; i < std::min(kShown, report.skipped.size()); ++i)
      log::warn("left out: {}", report.skipped[i]);
    if (!report.skipped.empty())
      log::warn("left out in all: {}; {} lists them",
                format_count(static_cast<std::int64_t>(report.skipped.size()), "item"),
                report.left_out_list.native());
  }
  if (report.mended > 0) {
    log::info("{} that had been left out can be used now; run dfm_index {} again where it was indexed",
              format_count(report.mended, "item"), settings.output.native());
  }
  if (!report.stopped) {
    log::info("{} in {} in {} ({} there already, {} left out)", format_count(report.samples, "sample"),
              format_count(report.shards, "shard"), settings.output.native(), report.shards_found,
              format_count(static_cast<std::int64_t>(report.skipped.size()), "item"));
  }
  return report.exit_code();
}

}  // namespace

int main(int argc, char** argv) {
  keep_freed_memory();
  return cli::run_program(program(), argc, argv, run);
}
