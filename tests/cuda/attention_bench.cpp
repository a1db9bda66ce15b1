// attention_bench [FILE.json]: forward and backward speed of every attention kernel on the shapes that
// decide, in TFLOP/s (2.5 times the products of the forward pass count as the backward pass). About 20
// seconds.
#include <algorithm>
#include <chrono>
#include <fstream>
#include <functional>
#include <iostream>
#include <numeric>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/json.h"
#include "nn/attention_choice.h"
#include "nn/attention_rows.h"
#include "nn/device.h"

namespace dfm {
namespace {

using nn::Attended;
using nn::AttentionInputs;
using nn::AttentionKernel;
using nn::AttentionPass;
using Lengths = std::vector<std::int64_t>;

struct Shape {
  const char* name;
  std::int64_t heads, width;
  Lengths queries, keys;
};

std::vector<Shape> shapes() {
  const auto self = [](const char* name, std::int64_t heads, std::int64_t width, const Lengths& lengths) {
    return Shape{name, heads, width, lengths, lengths};
  };
  return {self("DiT-7B, 8192", 32, 128, {8192}),
          self("DiT-7B, 8192 packed", 32, 128, {3001, 2095, 1543, 1024, 529}),
          self("DiT-7B, 8192 as 8 equal", 32, 128, Lengths(8, 1024)),
          self("DiT-7B, 8192 as 8 packed", 32, 128, {1024, 1000, 1048, 1023, 1025, 1024, 960, 1088}),
          self("DiT-7B, 73728", 32, 128, {73728}),
          self("DiT-7B, 73728 packed", 32, 128, {30001, 20000, 15000, 8727}),
          self("WAN-14B, 37440", 40, 128, {37440}),
          self("WAN-14B, 37440 packed", 40, 128, {20001, 17439}),
          {"WAN-14B, text", 40, 128, {37440}, {512}},
          {"DiT-7B, texts", 32, 128, {3001, 2095, 1543, 1024, 529}, {77, 3, 40, 21, 64}},
          self("DiT-XL, 4096", 16, 72, {4096}),
          self("DiT-XL, 4096 as 16 equal", 16, 72, Lengths(16, 256)),
          self("DiT-XL, 4096 packed", 16, 72, {1024, 900, 777, 640, 432, 323}),
          self("DiT-S, 8192", 6, 64, {8192})};
}

std::int64_t sum(const Lengths& lengths) { return std::reduce(lengths.begin(), lengths.end()); }

double forward_tflop(const Shape& shape) {
  double scores = 0;
  for (std::size_t i = 0; i < shape.queries.size(); ++i)
    scores += static_cast<double>(shape.queries[i]) * static_cast<double>(shape.keys[i]);
  return 4 * scores * static_cast<double>(shape.heads * shape.width) * 1e-12;
}

AttentionInputs inputs(const Shape& shape, const at::Device& device) {
  const auto rows = [&](const Lengths& lengths) {
    return at::randn({sum(lengths), shape.heads, shape.width},
                     at::TensorOptions(device).dtype(at::kBFloat16));
  };
  return {rows(shape.queries),
          rows(shape.keys),
          rows(shape.keys),
          {shape.queries, shape.keys},
          1 / std::sqrt(static_cast<double>(shape.width))};
}

double seconds(const at::Device& device, int repeats, const std::function<void()>& work) {
  nn::wait_for(device);
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < repeats; ++i) work();
  nn::wait_for(device);
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count() / repeats;
}

// After a first call, which may plan; long ones are repeated less.
double measured(const at::Device& device, const std::function<void()>& work) {
  constexpr double kSeconds = 0.3;
  work();
  const double once = seconds(device, 1, work);
  return seconds(device, static_cast<int>(std::clamp(kSeconds / once, 1.0, 20.0)), work);
}

struct Contender {
  std::string name;
  std::function<std::string(const AttentionInputs&)> problem;
  std::function<Attended(const AttentionInputs&)> forward;
  std::function<void(const AttentionInputs&, const Attended&, const at::Tensor&)> backward;
};

Contender contender(const AttentionKernel& kernel, bool deterministic) {
  return {
      kernel.name + std::string(deterministic ? " deterministic" : ""),
      [&kernel, deterministic](const AttentionInputs& in) {
        const AttentionInputs formed = nn::in_form(in);
        const std::string why = kernel.problem(formed, AttentionPass::forward, deterministic);
        return why.empty() ? kernel.problem(formed, AttentionPass::backward, deterministic) : why;
      },
      [&kernel](const AttentionInputs& in) { return nn::attend(in, &kernel); },
      [&kernel, deterministic](const AttentionInputs& in, const Attended& attended, const at::Tensor& dout) {
        nn::set_attention({nn::AttentionChoice::automatic, deterministic});
        nn::attention_gradients(in, attended, dout, &kernel);
        nn::set_attention({});
      }};
}

at::Tensor as_batch(const at::Tensor& rows, std::int64_t samples) {
  return rows.unflatten(0, {samples, -1}).transpose(1, 2);
}

// As LibTorch calls cuDNN, for equal samples.
Contender libtorch_cudnn() {
  return {"cudnn of LibTorch",
          [](const AttentionInputs& in) { return in.lengths.equal() ? "" : "for equal samples here"; },
          [](const AttentionInputs& in) {
            const std::int64_t n = in.lengths.samples();
            const auto result = at::_scaled_dot_product_cudnn_attention(
                as_batch(in.q, n), as_batch(in.k, n), as_batch(in.v, n), std::nullopt, true);
            return Attended{std::get<0>(result), std::get<1>(result)};
          },
          [](const AttentionInputs& in, const Attended& attended, const at::Tensor& dout) {
            const std::int64_t n = in.lengths.samples();
            const at::Tensor none = at::empty({0}, in.q.options());
            at::_scaled_dot_product_cudnn_attention_backward(
                as_batch(dout, n), as_batch(in.q, n), as_batch(in.k, n), as_batch(in.v, n), attended.out,
                attended.log_sum_exp, none, none, {}, {}, {}, in.lengths.queries.front(),
                in.lengths.keys.front(), 0.0, false);
          }};
}

Json measure(const Shape& shape, const Contender& by, const at::Device& device) {
  const AttentionInputs in = inputs(shape, device);
  Json row{{"shape", shape.name}, {"kernel", by.name}};
  std::string why = by.problem(in);
  if (why.empty()) {
    try {
      const Attended attended = by.forward(in);
      const at::Tensor dout = at::randn(in.q.sizes(), in.q.options());
      const double forward = measured(device, [&] { by.forward(in); });
      const double backward = measured(device, [&] { by.backward(in, attended, dout); });
      row["forward_ms"] = forward * 1e3;
      row["backward_ms"] = backward * 1e3;
      row["forward_tflops"] = forward_tflop(shape) / forward;
      row["backward_tflops"] = 2.5 * forward_tflop(shape) / backward;
    } catch (const std::exception& failure) {
      why = failure.what();
    }
  }
  if (!why.empty()) row["problem"] = why.substr(0, 300);
  return row;
}

std::string line(const Json& row) {
  const std::string head =
      fmt::format("{:<26} {:<20}", row["shape"].get<std::string>(), row["kernel"].get<std::string>());
  if (row.contains("problem")) return fmt::format("{} {}", head, row["problem"].get<std::string>());
  return fmt::format("{} {:9.3f} {:8.1f} {:9.3f} {:8.1f}", head, row["forward_ms"].get<double>(),
                     row["forward_tflops"].get<double>(), row["backward_ms"].get<double>(),
                     row["backward_tflops"].get<double>());
}

int run(const char* file) {
  const at::Device device = nn::open_device("cuda", 0);
  const std::vector<Contender> contenders{
      contender(nn::cudnn_attention(), false), libtorch_cudnn(), contender(nn::flash_attention(), false),
      contender(nn::cudnn_attention(), true), contender(nn::flash_attention(), true)};
  std::cout << nn::describe(device) << "\n"
            << fmt::format("{:<26} {:<20} {:>9} {:>8} {:>9} {:>8}\n", "shape", "kernel", "fwd ms", "TFLOP/s",
                           "bwd ms", "TFLOP/s");
  Json rows = Json::array();
  for (const Shape& shape : shapes()) {
    for (const Contender& by : contenders) {
      rows.push_back(measure(shape, by, device));
      std::cout << line(rows.back()) << std::endl;
    }
  }
  if (file != nullptr) std::ofstream(file) << rows.dump(1) << "\n";
  return 0;
}

}  // namespace
}  // namespace dfm

int main(int argc, char** argv) {
  try {
    return dfm::run(argc > 1 ? argv[1] : nullptr);
  } catch (const std::exception& failure) {
    std::cerr << "attention_bench: " << failure.what() << "\n";
    return 1;
  }
}
