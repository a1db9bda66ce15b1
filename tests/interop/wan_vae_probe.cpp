// wan_vae_probe DIR IN OUT: the autoencoder of WAN 2.1 with the weights of DIR.
//
// IN: metadata `dtype` (float32 or bfloat16); tensors frames uint8 [T, H, W, 3] and latent float32 [C, T, H,
// W]. OUT: latent, of the frames; decoded, the frames of the latent as bytes [T, H, W, 3]; raw, the same
// before rounding and clamping.
#include <algorithm>

#include "ckpt/safetensors.h"
#include "encoders/wan_codec.h"
#include "encoders/wan_vae.h"
#include "nn/array_bridge.h"

namespace {

using namespace dfm;

std::vector<media::Image> to_images(const Array& bytes) {
  std::vector<media::Image> images(
      bytes.shape[0], media::make_image(static_cast<int>(bytes.shape[2]), static_cast<int>(bytes.shape[1])));
  auto source = bytes.as<std::uint8_t>().begin();
  for (media::Image& image : images) {
    std::copy_n(source, image.rgb.size(), image.rgb.begin());
    source += static_cast<std::ptrdiff_t>(image.rgb.size());
  }
  return images;
}

at::Tensor to_bytes(const std::vector<media::Image>& images) {
  std::vector<at::Tensor> frames;
  for (const media::Image& image : images)
    frames.push_back(at::tensor(at::ArrayRef<std::uint8_t>(image.rgb)).view({image.height, image.width, 3}));
  return at::stack(frames);
}

at::Tensor decode_raw(const std::filesystem::path& dir, const encoders::Placed& placed,
                      const at::Tensor& latent) {
  const at::NoGradGuard no_gradients;
  const encoders::PretrainedConfig config(encoders::folder_of_part(dir, "vae"));
  const encoders::WanVaeShape shape = encoders::wan_vae_shape(config);
  encoders::WeightReader weights(config.folder(), placed);
  const encoders::WanDecoder decoder(weights, shape);
  const at::Tensor z = latent.permute({1, 2, 3, 0}) * at::tensor(shape.latent_std, at::kFloat) +
                       at::tensor(shape.latent_mean, at::kFloat);
  encoders::VideoStream stream;
  std::vector<at::Tensor> pieces;
  for (const at::Tensor& frame : z.contiguous().to(placed.dtype).split(1))
    pieces.push_back(decoder(frame, stream));
  return at::cat(pieces).to(at::kFloat).contiguous();
}

}  // namespace

int main(int, char** argv) {
  const ckpt::SafetensorsFile file(argv[2]);
  const encoders::Placed placed{.dtype =
                                    file.metadata().at("dtype") == "float32" ? at::kFloat : at::kBFloat16};
  const encoders::Codec codec = encoders::wan_codec(argv[1], placed);
  const Array latent = file.read("latent");
  const std::vector<std::pair<std::string, Array>> results{
      {"latent", codec.encode(to_images(file.read("frames")))},
      {"decoded", nn::to_array(to_bytes(codec.decode(latent)))},
      {"raw", nn::to_array(decode_raw(argv[1], placed, nn::to_tensor(latent)))}};
  std::vector<ckpt::TensorEntry> entries;
  for (const auto& [name, array] : results) entries.push_back({name, array.dtype, array.shape});
  ckpt::SafetensorsWriter writer(argv[3], entries, {});
  for (const auto& [name, array] : results) writer.append(array.bytes);
  writer.commit();
  return 0;
}
