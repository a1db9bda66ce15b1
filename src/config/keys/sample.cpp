// [sample]: from weights to pictures (spec/dfm.md sections 2.3 and 5.4).
#include "config/keys/sections.h"

namespace dfm::keys {
namespace {

constexpr double kMostSamples = 1'000'000;  // their names have six digits
constexpr double kMostPixelsOfAnEdge = 1'000'000, kMostFrames = 1'000'000, kMostSteps = 1'000'000;

}  // namespace

std::vector<Key> sample_keys() {
  return {
      text("sample.weights", {}, "Consolidated weights (.safetensors)"),
      texts("sample.prompts", "Texts to draw"),
      text("sample.prompt_file", {}, "File with one prompt a line"),
      integer("sample.samples_per_prompt", 1, "Samples of each prompt").at_least(1).at_most(kMostSamples),
      text("sample.output", "samples", "Folder for the results, or one file name ending in .png or .mp4"),
      integer("sample.height", 256, "Height; a multiple of 16")
          .at_least(16)
          .at_most(kMostPixelsOfAnEdge)
          .in("pixels"),
      integer("sample.width", 256, "Width; a multiple of 16")
          .at_least(16)
          .at_most(kMostPixelsOfAnEdge)
          .in("pixels"),
      text("sample.size", {}, "WIDTH*HEIGHT in one word, instead of the two"),
      integer("sample.num_frames", 1, "Frames; 1 gives a picture, 4n+1 a video")
          .at_least(1)
          .at_most(kMostFrames),
      integer("sample.fps", 24, "Frame rate of videos").at_least(1).at_most(240),
      integer("sample.num_steps", 35, "Sampling steps").at_least(2).at_most(kMostSteps),
      choice(
          "sample.sampler", "auto", {"auto", "heun", "euler", "unipc"},
          "edm: second-order heun (auto), or euler at half the cost; flow matching: unipc (auto), or euler"),
      real("sample.guidance", {},
           "Guidance g: D = D_cond + g (D_cond - D_uncond); 0: purely conditional; null: 7, or 4 for flow "
           "matching")
          .at_least(0),
      real("sample.guide_scale", {},
           "Guidance in the measure of WAN's users, one more: v = v_uncond + s (v_cond - v_uncond)")
          .at_least(1),
      text("sample.negative_prompt", {}, "What guidance leads away from; null: no text"),
      real("sample.shift", 5.0, "Flow matching: moves the steps towards noise; 1: not").above(0),
      real("sample.sigma_min", 0.002, "edm: lowest noise level before 0").above(0),
      real("sample.sigma_max", 80.0, "edm: highest noise level").above(0),
      real("sample.rho", 7.0, "edm: curvature of the noise levels").above(0),
      real("sample.s_churn", 0.0, "edm: noise put back at each step").at_least(0),
      integer("sample.seed", 1, "Seed; the same seed gives the same picture on any number of ranks")
          .at_least(0),
      integer("sample.batch_size", 8, "Samples denoised together").at_least(1).at_most(kMostSamples),
      choice("sample.precision", "fp32", {"fp32", "bf16"}, "Arithmetic of the network"),
  };
}

}  // namespace dfm::keys
