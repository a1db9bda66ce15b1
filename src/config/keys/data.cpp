// [dataset], [encoders], [prepare]: from pictures to batches (spec/dfm.md sections 4 and 5.2).
#include "config/keys/sections.h"

namespace dfm::keys {
namespace {

constexpr double kMostPixelsOfAnEdge = 65536;
constexpr double kMostInShard = 1e9;    // far from where sums with it overflow
constexpr double kMostSynthetic = 1e7;  // each rank lists them all in memory
constexpr double kMostInMock = 1'000'000;
constexpr double kMostTextRows = 65536;

}  // namespace

std::vector<Key> dataset_keys() {
  return {
      text("dataset.path", {}, "Folder of indexed shards, or a metadataset (.yaml) that blends several"),
      integer("dataset.task_encoder_seq_length", 8000, "Capacity of a pack; a longer sample is an error")
          .at_least(1)
          .in("tokens"),
      choice("dataset.batching", "packed", {"packed", "fixed_length", "buckets"},
             "Samples of a step share a forward pass: packed one behind the other up to the capacity; or "
             "only with others of the same number of tokens (fixed_length), or of the same frames, height "
             "and width, whose samples are then gathered into the same steps (buckets), "
             "train.micro_batch_size at a time"),
      choice("dataset.balance", "steps", {"steps", "ranks"},
             "Samples are divided among the ranks by their FLOPs; steps: they also change places within "
             "packing_buffer_size positions, so that steps cost about the same (not with buckets)"),
      integer(
          "dataset.packing_buffer_size", 32768,
          "Positions among which samples change places to balance the steps, or to gather buckets; best a "
          "power of two")
          .at_least(1)
          .in("samples"),
      flag("dataset.use_train_split_for_val", false, "Validate on the training split"),
      integer("dataset.slice_length", 1024,
              "Consecutive samples of a shard that stay together in the shuffled order")
          .at_least(1)
          .in("samples"),
      integer("dataset.shuffle_slices", 4, "Slices whose samples are mixed with each other").at_least(1),
  };
}

std::vector<Key> data_reading_keys() {
  return {
      integer(
          "dataset.num_workers", 2,
          "Threads of each rank that read and decode samples ahead; 8 where small samples lie on a disk that "
          "answers slowly: so many reads are then under way")
          .at_least(1)
          .at_most(1024),
      integer("dataset.prefetch_steps", 2, "Steps that are read ahead of the one that computes").at_least(1),
      integer("dataset.read_attempts", 5,
              "Attempts to read a sample while the file system fails, with pauses that double from 0.2 s")
          .at_least(1)
          .at_most(12),
      real(
          "dataset.aesthetic_score", {},
          "Train only on samples whose .json gives at least this aesthetic_score; the others are left out of "
          "their step, which is then smaller; null: all train"),
      integer("dataset.max_bad_samples", 0, "Unreadable samples to leave out before the run ends with code 3")
          .at_least(0),
  };
}

std::vector<Key> mock_keys() {
  return {
      flag("dataset.mock", false, "Train on made-up latents of a fixed shape instead of dataset.path"),
      integer("dataset.mock_samples", 1024, "Number of mock samples in an epoch").at_least(1).at_most(1e9),
      integer("dataset.F_latents", 1, "Frames of a mock latent").at_least(1).at_most(kMostInMock),
      integer("dataset.H_latents", 32, "Height of a mock latent").at_least(1).at_most(kMostInMock),
      integer("dataset.W_latents", 32, "Width of a mock latent").at_least(1).at_most(kMostInMock),
      integer("dataset.seq_length", {}, "Tokens of a mock sample; null: those of the latent").at_least(1),
      integer("dataset.context_seq_len", 512, "Text rows of a mock sample").at_least(1).at_most(kMostInMock),
  };
}

std::vector<Key> encoder_keys() {
  return {
      text("encoders.codec", "dct",
           "Latent codec: dct keeps the lowest cosine coefficients of 8x8 blocks and needs no weights; "
           "wan:DIR is the autoencoder of WAN 2.1 as diffusers saves it"),
      text("encoders.text", "hash",
           "Text encoder: hash gives each word a fixed random vector and knows words, not meaning; "
           "t5:DIR and umt5:DIR are those that transformers saves, with their tokenizer"),
      integer("encoders.text_length", 512, "Most rows of a caption; what is longer is cut")
          .at_least(1)
          .at_most(kMostTextRows),
      choice("encoders.precision", "fp32", {"fp32", "bf16"},
             "What codecs and text encoders with weights compute in"),
  };
}

std::vector<Key> prepare_keys() {
  return {
      text("prepare.source", {}, "Folder or archive of images and videos with captions"),
      text("prepare.output", {}, "Folder that receives the shards"),
      integer("prepare.height", {}, "Height to resize and crop to; null: as it is, cut to a multiple of 16")
          .at_least(16)
          .at_most(kMostPixelsOfAnEdge)
          .in("pixels"),
      integer("prepare.width", {}, "Width to resize and crop to; null: as it is, cut to a multiple of 16")
          .at_least(16)
          .at_most(kMostPixelsOfAnEdge)
          .in("pixels"),
      choice("prepare.resize_mode", "bicubic", {"bilinear", "bicubic", "nearest", "area", "lanczos"},
             "Interpolation"),
      flag("prepare.center_crop", true,
           "Fill height x width and cut off what does not fit; false: scale to fit inside, and cut to a "
           "multiple of 16"),
      flag("prepare.no_aspect_ratio", false, "Stretch to height x width instead"),
      choice("prepare.mode", "video", {"video", "frames"},
             "A video becomes one sample (its first 4n + 1 frames), or some of its frames become pictures"),
      integer("prepare.num_frames", 10,
              "Pictures to take from each video with prepare.mode=frames; frames of a synthetic sample, less "
              "to 4n + 1")
          .at_least(1)
          .at_most(99),
      integer("prepare.synthetic", {},
              "Make this many samples without a source, of height x width x num_frames")
          .at_least(1)
          .at_most(kMostSynthetic),
      integer("prepare.shard_maxcount", 10000, "Images and videos in a shard")
          .at_least(1)
          .at_most(kMostInShard),
      choice(
          "prepare.on_bad_input", "skip", {"skip", "fail"},
          "Leave out an image or video that cannot be used and end with code 7, or end at once with code 3"),
      choice("prepare.output_format", "energon", {"energon", "automodel"},
             "Webdataset shards; automodel (a pickle a sample) is refused, with what to do instead"),
      choice("prepare.device", "auto", {"auto", "cpu", "cuda"},
             "Where codec and text encoder run; auto takes a GPU where there is one and they have weights"),
      flag("prepare.stochastic", false,
           "Draw latents instead of taking their mean; refused: all codecs here give the mean"),
      flag("prepare.no_memory_optimization", false,
           "Codec without slices and tiles; refused: no codec here has any"),
      text("prepare.model", {}, "A model to encode with; refused: encoders.codec and encoders.text choose"),
  };
}

}  // namespace dfm::keys
