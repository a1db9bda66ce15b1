// [model]: names and defaults of the reference's DiTModelProvider (spec/dfm.md sections 1.6 and 1.7).
#include "config/keys/sections.h"

namespace dfm::keys {
namespace {

constexpr double kMostRanks = 1'000'000;
// No network is so wide; products of them stay numbers, and a typing error is told by its key.
constexpr double kMostWide = 1'000'000, kMostLayers = 10'000, kMostPatch = 1'000;

// A number of features, heads, rows or cells.
Key extent(const char* name, std::optional<std::int64_t> default_value, const char* help) {
  return integer(name, default_value, help).at_least(1).at_most(kMostWide);
}

}  // namespace

std::vector<Key> model_keys() {
  return {
      choice("model.family", "dit", {"dit", "wan", "moviegen", "stdit"},
             "Architecture: adaLN-Zero DiT, WAN 2.1 text-to-video, MovieGen, or the spatio-temporal DiT"),
      integer("model.num_layers", 12, "Transformer blocks").at_least(1).at_most(kMostLayers),
      integer("model.hidden_size", 384, "Width of the hidden state; a multiple of 16")
          .at_least(16)
          .at_most(kMostWide),
      extent("model.num_attention_heads", 6, "Attention heads; they divide the hidden size"),
      extent("model.num_query_groups", {},
             "moviegen: groups of heads that share a key and a value; null: every head has its own"),
      choice("model.cross_residual", "nemo", {"nemo", "paper"},
             "moviegen: feed what cross-attention gives to the MLP alone, as the reference, or add it to the "
             "hidden state, too"),
      extent("model.ffn_hidden_size", {}, "Width of the MLP; null: four times the hidden size"),
      extent("model.crossattn_emb_size", 1024, "Width of the text embedding that blocks attend to"),
      extent("model.text_dim", 4096, "wan: width of the text embedding in the data"),
      extent("model.text_len", {}, "wan: rows that texts are padded to with zeros; null: none are added"),
      integer("model.freq_dim", 256, "wan: width of the time's sinusoids").at_least(2).at_most(kMostWide),
      extent("model.adaln_rank", 256, "Inner width of the low-rank adaLN modulation"),
      real("model.layernorm_epsilon", 1e-5,
           "Epsilon of all norms (1e-5 is what the reference effectively uses)")
          .above(0),
      real("model.init_method_std", 0.02, "Standard deviation of the initial weights").above(0),
      flag("model.zero_init_output", false, "Start with a zeroed output layer instead of a random one"),
  };
}

// Of latents: their channels, patches, and the table of positions.
std::vector<Key> latent_keys() {
  return {
      extent("model.in_channels", 16, "Channels of the latent"),
      integer("model.patch_spatial", 2, "Patch edge in height and width")
          .at_least(1)
          .at_most(kMostPatch)
          .in("latent cells"),
      integer("model.patch_temporal", 1, "Patch edge in time")
          .at_least(1)
          .at_most(kMostPatch)
          .in("latent frames"),
      extent("model.max_img_h", 80, "Greatest latent height of the position table").in("latent cells"),
      extent("model.max_img_w", 80, "Greatest latent width of the position table").in("latent cells"),
      extent("model.max_frames", 34, "Greatest number of latent frames"),
  };
}

// Experts in place of the MLPs (EC-DiT).
std::vector<Key> expert_keys() {
  return {
      integer("model.num_moe_experts", {},
              "moviegen: experts in place of each MLP, which choose their tokens (EC-DiT); null: none")
          .at_least(1),
      real("model.moe_expert_capacity_factor", 8.0, "Experts that take a token, on average").above(0),
      choice(
          "model.moe_routing_group", "sample", {"sample", "pack", "rank"},
          "What experts choose among: the tokens of each sample; of all samples of a pack, where results "
          "depend on what is packed together; or of what each rank has of a pack, as in the reference, where "
          "they depend on the layout, too"),
  };
}

// How the model is computed, which changes no number of it.
std::vector<Key> layout_keys() {
  return {
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
      flag("model.sequence_parallel", true, "Ranks that share each layer share the tokens between them, too"),
      integer("model.context_parallel_size", 1, "Ranks that share each sequence")
          .at_least(1)
          .at_most(kMostRanks),
      choice(
          "model.cp_comm_type", "p2p", {"p2p", "a2a", "a2a+p2p"},
          "How ranks that share a sequence attend: keys and values go round a ring; all-to-all of heads; or "
          "all-to-all of heads within groups, and a ring among these"),
      texts("model.hierarchical_context_parallel_sizes",
            "a2a+p2p: ranks in a group that exchanges heads, and groups in a ring; their product is "
            "context_parallel_size"),
      integer("model.pipeline_model_parallel_size", 1, "Ranks that share the depth of the model")
          .at_least(1)
          .at_most(kMostRanks),
      integer("model.virtual_pipeline_model_parallel_size", {},
              "Chunks of layers of each pipeline rank, which interleave; null: one")
          .at_least(1)
          .at_most(kMostRanks),
      integer("model.expert_model_parallel_size", 1, "Ranks that share the experts")
          .at_least(1)
          .at_most(kMostRanks),
  };
}

std::vector<Key> diffusion_keys() {
  return {
      choice(
          "diffusion.objective", "auto", {"auto", "edm", "flow"},
          "What the network learns: EDM's denoising, or the velocity of flow matching; auto: flow for wan, "
          "else edm"),
      real("diffusion.sigma_data", 0.5, "edm: standard deviation that latents are scaled to").above(0),
      real("diffusion.p_mean", 0.0, "edm: mean of the logarithm of the training noise level"),
      real("diffusion.p_std", 1.0, "edm: standard deviation of the logarithm of the training noise level")
          .above(0),
      choice("diffusion.timestep_sampling", "logit_normal", {"uniform", "logit_normal", "mode"},
             "flow: how the training noise level is drawn"),
      real("diffusion.logit_mean", 0.0, "flow: mean of the level's logit, of logit_normal"),
      real("diffusion.logit_std", 1.0, "flow: standard deviation of the level's logit, of logit_normal")
          .above(0),
      real("diffusion.mode_scale", 1.29, "flow: how much mode prefers the middle").at_least(0),
      real("diffusion.flow_shift", 3.0, "flow: moves training levels towards noise; 1: not").above(0),
      real("diffusion.mix_uniform_ratio", 0.1, "flow: share of samples whose level is drawn evenly")
          .at_least(0)
          .at_most(1),
      real("diffusion.sigma_min", 0.0, "flow: least training noise level").at_least(0).at_most(1),
      real("diffusion.sigma_max", 1.0, "flow: greatest training noise level").at_least(0).at_most(1),
      flag("diffusion.use_loss_weighting", true, "flow: weight the loss by 1 + flow_shift sigma"),
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
