// The collectives of comm::Group on tensors, wherever these are: on the CPU as they lie there; on a device by
// the group's channel, where it has one, else with a copy in host memory.
//
// Tensors are contiguous, and on the same kind of device on every rank. Counts are elements of the ranks'
// parts, in rank order. What is begun must be waited for, and takes no change of its tensors before.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "comm/group.h"
#include "nn/tensor_transfer.h"
#include "nn/torch_header.h"

namespace dfm::nn::raw {

using PartCounts = std::vector<std::int64_t>;

// Collective, in place, float32.
void all_reduce_sum(const at::Tensor& values, const comm::Group& group);
// Collective. Rank r receives the sum of part r, float32.
void reduce_scatter_sum(const at::Tensor& values, const PartCounts& counts, const at::Tensor& out,
                        const comm::Group& group);
[[nodiscard]] TensorTransfer start_reduce_scatter_sum(const at::Tensor& values, const PartCounts& counts,
                                                      const at::Tensor& out, const comm::Group& group);
// Collective, in place. Rank r's part goes to every rank.
void all_gather_parts(const at::Tensor& all, const PartCounts& counts, const comm::Group& group);
[[nodiscard]] TensorTransfer start_all_gather_parts(const at::Tensor& all, const PartCounts& counts,
                                                    const comm::Group& group);

// Parts of a tensor.
struct TensorParts {
  const at::Tensor& tensor;
  const PartCounts& counts;
};
// Collective. Part r of `out` goes to rank r; part r of `in` comes from rank r.
void all_to_all(const TensorParts& out, const TensorParts& in, const comm::Group& group);
[[nodiscard]] TensorTransfer start_all_to_all(const TensorParts& out, const TensorParts& in,
                                              const comm::Group& group);

// Collective, in place.
void broadcast(const at::Tensor& values, int root, const comm::Group& group);

// A tensor and the rank that it goes to or comes from.
struct Message {
  const at::Tensor& tensor;
  int rank;
};
// Between two ranks, in order. Both at once, as all ranks of a ring do:
[[nodiscard]] TensorTransfer start_exchange(const Message& out, const Message& in, const comm::Group& group);
// From one rank of a link to the other (comm/stage_links.h), in order.
[[nodiscard]] TensorTransfer start_send(const at::Tensor& values, const comm::Group& link);
[[nodiscard]] TensorTransfer start_receive(const at::Tensor& room, const comm::Group& link);

}  // namespace dfm::nn::raw
