// [model]: names and defaults of the reference's DiTModelProvider (spec/dfm.md sections 1.6 and 1.7).
#include "config/keys/sections.h"

namespace dfm::keys {
namespace {

constexpr double kMostRanks = 1'000'000;

}  // namespace

std::vector<Key> model_keys() {
  return {
      integer("model.num_layers", 12, "Transformer blocks").at_least(1),
      integer("model.hidden_size", 384, "Width of the hidden state; a multiple of 16").at_least(16),
      integer("model.num_attention_heads", 6, "Attention heads; they divide the hidden size").at_least(1),
      integer("model.ffn_hidden_size", {}, "Width of the MLP; null: four times the hidden size").at_least(1),
      integer("model.crossattn_emb_size", 1024, "Width of the text embedding").at_least(1),
      integer("model.adaln_rank", 256, "Inner width of the low-rank adaLN modulation").at_least(1),
      integer("model.in_channels", 16, "Channels of the latent").at_least(1),
      integer("model.patch_spatial", 2, "Patch edge in height and width").at_least(1).in("latent cells"),
      integer("model.patch_temporal", 1, "Patch edge in time").at_least(1).in("latent frames"),
      integer("model.max_img_h", 80, "Greatest latent height of the position table")
          .at_least(1)
          .in("latent cells"),
      integer("model.max_img_w", 80, "Greatest latent width of the position table")
          .at_least(1)
          .in("latent cells"),
      integer("model.max_frames", 34, "Greatest number of latent frames").at_least(1),
      real("model.layernorm_epsilon", 1e-5,
           "Epsilon of all norms (1e-5 is what the reference effectively uses)")
          .above(0),
      real("model.init_method_std", 0.02, "Standard deviation of the initial weights").above(0),
      flag("model.zero_init_output", false, "Start with a zeroed output layer instead of a random one"),
      choice("model.recompute_granularity", "none", {"none", "selective", "full"},
             "Activations to compute again in the backward pass instead of keeping them"),
      texts("model.recompute_modules", "What selective recomputes: core_attn (when nothing is given), mlp"),
      choice("model.recompute_method", "uniform", {"uniform", "block"},
             "What full recomputes: all blocks in groups of recompute_num_layers, or that many first blocks"),
      integer("model.recompute_num_layers", {}, "Blocks in a group, or first blocks; null: groups of one")
          .at_least(1),
      integer("model.tensor_model_parallel_size", 1, "Ranks that share each layer")
          .at_least(1)
          .at_most(kMostRanks),
      integer("model.context_parallel_size", 1, "Ranks that share each sequence")
          .at_least(1)
          .at_most(kMostRanks),
      integer("model.pipeline_model_parallel_size", 1, "Ranks that share the depth of the model")
          .at_least(1)
          .at_most(kMostRanks),
      integer("model.expert_model_parallel_size", 1, "Ranks that share the experts")
          .at_least(1)
          .at_most(kMostRanks),
  };
}

std::vector<Key> diffusion_keys() {
  return {
      real("diffusion.sigma_data", 0.5, "Standard deviation that latents are scaled to").above(0),
      real("diffusion.p_mean", 0.0, "Mean of the logarithm of the training noise level"),
      real("diffusion.p_std", 1.0, "Standard deviation of the logarithm of the training noise level")
          .above(0),
      choice(
          "diffusion.noise_level", "per_sample", {"per_sample", "per_pack"},
          "Draw a noise level (and a text dropout) for each sample, or one for all samples of a pack as the "
          "reference does"),
      real("diffusion.text_dropout", 0.2, "Share of samples trained without text, for guidance")
          .at_least(0)
          .at_most(1),
  };
}

}  // namespace dfm::keys
