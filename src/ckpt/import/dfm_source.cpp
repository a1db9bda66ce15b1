#include <array>

#include <fmt/core.h>

#include "ckpt/import/source.h"

namespace dfm::ckpt {
namespace {

constexpr std::array kAllKinds{kWeights, kFirstMoment, kSecondMoment, kMovingAverage};

ReadElements reader_of(const std::shared_ptr<PieceReader>& reader, const std::string& kind,
                       const std::string& name, const Shape& shape) {
  return [reader, kind, name, shape](std::int64_t begin, std::span<std::byte> out) {
    reader->read(kind, name, shape, begin,
                 {reinterpret_cast<float*>(out.data()), out.size() / sizeof(float)});
  };
}

}  // namespace

Source open_dfm_source(const Listed& checkpoint, const std::vector<std::string>& kinds) {
  Source source;
  source.path = checkpoint.folder;
  source.title = checkpoint.folder.native();
  source.manifest = checkpoint.manifest;
  source.step = checkpoint.manifest->step;
  source.config = checkpoint.manifest->config;
  const auto reader = std::make_shared<PieceReader>(piece_files(checkpoint, 0));
  const std::vector<std::string> wanted =
      kinds.empty() ? std::vector<std::string>(kAllKinds.begin(), kAllKinds.end()) : kinds;
  for (const std::string& kind : wanted) {
    for (const auto& [name, shape] : reader->parameters(kind)) {
      SourceTensor tensor{.kind = kind, .name = name, .dtype = DType::float32, .shape = shape};
      tensor.read = reader_of(reader, kind, name, shape);
      source.tensors.push_back(std::move(tensor));
    }
  }
  return source;
}

}  // namespace dfm::ckpt
