// The weights of a WAN 2.1 by the names of dfm and by those of diffusers' WanTransformer3DModel, one table
// for both directions.
//
//   source.tensors = wan_from_diffusers(std::move(source.tensors), sizes);
//   source.tensors = wan_to_diffusers(std::move(source.tensors), sizes);
#pragma once

#include <string>
#include <vector>

#include "ckpt/import/source.h"
#include "ckpt/wan_sizes.h"

namespace dfm::ckpt {

struct WanName {
  std::string ours;
  std::vector<std::string> theirs;  // several lie side by side in the heads of ours
  Shape shape;                      // of each of theirs
};

std::vector<WanName> wan_names(const WanSizes& sizes);

// Both take tensors of one kind, and throw a data error for one that is missing, not known, or of another
// shape than the sizes say.
std::vector<SourceTensor> wan_from_diffusers(std::vector<SourceTensor> tensors, const WanSizes& sizes);
std::vector<SourceTensor> wan_to_diffusers(std::vector<SourceTensor> tensors, const WanSizes& sizes);

}  // namespace dfm::ckpt
