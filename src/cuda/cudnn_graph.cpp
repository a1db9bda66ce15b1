#include "cuda/cudnn_graph.h"

#include <limits>
#include <stdexcept>
#include <vector>

namespace dfm::cuda {
namespace {

namespace fe = cudnn_frontend;
using fe::graph::Tensor_attributes;
using Tensor = std::shared_ptr<Tensor_attributes>;
using Graph = std::shared_ptr<fe::graph::Graph>;

// A tensor [samples, heads, length, width] and where its samples begin.
struct Shape {
  std::vector<std::int64_t> sizes, strides;
  AttentionTensor offsets;
};

void check(const fe::error_t& status) {
  if (status.is_bad()) throw std::runtime_error(status.err_msg);
}

class Describer {
 public:
  Describer(const AttentionGeometry& geometry, Graph graph) : of_(geometry), graph_(std::move(graph)) {}

  Shape queries(RowStrides strides, AttentionTensor offsets) const {
    return shape(of_.heads, of_.query_length, strides, offsets);
  }
  Shape keys(RowStrides strides, AttentionTensor offsets) const {
    return shape(of_.key_heads, of_.key_length, strides, offsets);
  }
  Shape out() const { return queries(of_.out, kOutOffsets); }
  Shape key_gradient() const { return keys(of_.key_gradient, kKeyGradientOffsets); }
  // Of equal samples as cuDNN wants it, sample by sample and head by head; else token by token.
  Shape log_sum_exp() const {
    const std::int64_t rows = of_.heads * of_.query_length;
    const std::vector<std::int64_t> sizes{of_.samples, of_.heads, of_.query_length, 1};
    if (of_.ragged) return {sizes, {rows, 1, of_.heads, 1}, kLogSumExpOffsets};
    return {sizes, {rows, of_.query_length, 1, 1}, kLogSumExpOffsets};
  }

  Tensor input(AttentionTensor name, const Shape& shape, fe::DataType_t type = fe::DataType_t::BFLOAT16) {
    const Tensor tensor = graph_->tensor(
        Tensor_attributes().set_uid(name).set_dim(shape.sizes).set_stride(shape.strides).set_data_type(type));
    if (of_.ragged) tensor->set_ragged_offset(integers(shape.offsets, of_.samples + 1));
    return tensor;
  }
  void output(const Tensor& tensor, AttentionTensor name, const Shape& shape,
              fe::DataType_t type = fe::DataType_t::BFLOAT16) {
    tensor->set_output(true).set_uid(name).set_dim(shape.sizes).set_stride(shape.strides).set_data_type(type);
    if (of_.ragged) tensor->set_ragged_offset(integers(shape.offsets, of_.samples + 1));
  }

  template <class Options>
  void set_counts(Options& options) {
    if (!of_.ragged) return;
    options.set_padding_mask(true)
        .set_seq_len_q(integers(kQueryCounts, of_.samples))
        .set_seq_len_kv(integers(kKeyCounts, of_.samples));
  }

 private:
  Shape shape(std::int64_t heads, std::int64_t length, RowStrides strides, AttentionTensor offsets) const {
    // Ragged samples begin where their offsets say; the stride of samples only has to be the largest.
    const std::int64_t of_samples =
        of_.ragged ? std::numeric_limits<int>::max() / 8 * 8 : length * strides.token;
    return {{of_.samples, heads, length, of_.width}, {of_samples, strides.head, strides.token, 1}, offsets};
  }

  // The same tensor for all that ask for it.
  Tensor integers(AttentionTensor name, std::int64_t count) {
    Tensor& tensor = integers_[name];
    if (!tensor) {
      tensor = graph_->tensor(Tensor_attributes()
                                  .set_uid(name)
                                  .set_dim({count, 1, 1, 1})
                                  .set_stride({1, 1, 1, 1})
                                  .set_data_type(fe::DataType_t::INT32));
    }
    return tensor;
  }

  const AttentionGeometry& of_;
  Graph graph_;
  std::unordered_map<std::int64_t, Tensor> integers_;
};

void describe_forward(const AttentionGeometry& of, const Graph& graph,
                      fe::AttentionImplementation_t implementation) {
  Describer describe(of, graph);
  auto options =
      fe::graph::SDPA_attributes().set_name("attention").set_generate_stats(true).set_attn_scale(of.scale);
  options.set_implementation(implementation);
  describe.set_counts(options);
  const auto [out, log_sum_exp] = graph->sdpa(describe.input(kQ, describe.queries(of.q, kQOffsets)),
                                              describe.input(kK, describe.keys(of.k, kKOffsets)),
                                              describe.input(kV, describe.keys(of.v, kVOffsets)), options);
  describe.output(out, kOut, describe.out());
  describe.output(log_sum_exp, kLogSumExp, describe.log_sum_exp(), fe::DataType_t::FLOAT);
}

void describe_backward(const AttentionGeometry& of, const Graph& graph) {
  Describer describe(of, graph);
  auto options = fe::graph::SDPA_backward_attributes()
                     .set_name("attention_backward")
                     .set_attn_scale(of.scale)
                     .set_deterministic_algorithm(of.deterministic);
  describe.set_counts(options);
  // Else its memory for sums is that of the longest sample for each of them.
  if (of.ragged) options.set_max_total_seq_len_q(of.query_rows).set_max_total_seq_len_kv(of.key_rows);
  const auto [dq, dk, dv] = graph->sdpa_backward(
      describe.input(kQ, describe.queries(of.q, kQOffsets)),
      describe.input(kK, describe.keys(of.k, kKOffsets)), describe.input(kV, describe.keys(of.v, kVOffsets)),
      describe.input(kOut, describe.out()), describe.input(kOutGradient, describe.out()),
      describe.input(kLogSumExp, describe.log_sum_exp(), fe::DataType_t::FLOAT), options);
  describe.output(dq, kQGradient, describe.out());
  describe.output(dk, kKGradient, describe.key_gradient());
  describe.output(dv, kVGradient, describe.key_gradient());
}

Graph new_graph() {
  auto graph = std::make_shared<fe::graph::Graph>();
  graph->set_io_data_type(fe::DataType_t::BFLOAT16)
      .set_intermediate_data_type(fe::DataType_t::FLOAT)
      .set_compute_data_type(fe::DataType_t::FLOAT);
  return graph;
}

fe::error_t build(const Graph& graph, cudnnHandle_t handle) {
  return graph->build(handle, {fe::HeurMode_t::A});
}

}  // namespace

Graph attention_graph(const AttentionGeometry& geometry, AttentionDirection direction, cudnnHandle_t handle) {
  Graph graph = new_graph();
  if (direction == AttentionDirection::backward) {
    describe_backward(geometry, graph);
    check(build(graph, handle));
    return graph;
  }
  // The newer of two ways in which cuDNN knows it, then the older, which knows more cases.
  describe_forward(geometry, graph, fe::AttentionImplementation_t::AUTO);
  if (build(graph, handle).is_good()) return graph;
  graph = new_graph();
  describe_forward(geometry, graph, fe::AttentionImplementation_t::COMPOSITE);
  check(build(graph, handle));
  return graph;
}

}  // namespace dfm::cuda
