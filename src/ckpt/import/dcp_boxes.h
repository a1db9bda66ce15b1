// Whether the boxes of a tensor are what they should be.
#pragma once

#include "ckpt/import/dcp_metadata.h"

namespace dfm::ckpt {

// Throws a data error for a box that leaves its tensor.
void require_inside(const DcpTensor& tensor, const DcpChunk& chunk);

// Throws a data error for boxes that overlap or leave gaps. Each lies inside.
void require_filled(const DcpTensor& tensor);

}  // namespace dfm::ckpt
