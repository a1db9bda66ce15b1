#include "nn/attention_choice.h"

#include <array>
#include <chrono>
#include <mutex>
#include <set>

#include "core/error.h"
#include "core/log.h"
#include "nn/attention_rows.h"
#include "nn/device.h"

namespace dfm::nn {
namespace {

using Chosen = const AttentionKernel&;

constexpr std::array<const AttentionKernel& (*)(), 3> kInOrder{cudnn_attention, flash_attention,
                                                               plain_attention};

AttentionSettings& settings() {
  static AttentionSettings of_process;
  return of_process;
}

std::string description(const AttentionInputs& in, AttentionPass pass) {
  std::string heads = fmt::format("{} heads of {}", in.q.size(1), in.q.size(2));
  if (in.k.size(1) != in.q.size(1)) heads += fmt::format(", {} of keys", in.k.size(1));
  return fmt::format("attention, {} ({}, {}), {}", heads, c10::toString(in.q.scalar_type()),
                     in.lengths.equal() ? "equal samples" : "packed",
                     pass == AttentionPass::forward ? "forward" : "backward");
}

// Once for each thing to say.
void say(const std::string& line) {
  static std::mutex mutex;
  static std::set<std::string> said;
  const std::lock_guard lock(mutex);
  if (said.insert(line).second) log::info("{}", line);
}

bool is_wanted(Chosen kernel) {
  switch (settings().choice) {
    case AttentionChoice::cudnn:
      return kernel.name == cudnn_attention().name;
    case AttentionChoice::flash:
      return kernel.name == flash_attention().name;
    case AttentionChoice::plain:
      return kernel.name == plain_attention().name;
    default:
      return true;
  }
}

// The kernels that can and may do it, the best first; and why others cannot.
struct Candidates {
  std::vector<const AttentionKernel*> kernels;
  std::string reasons;
};

Candidates candidates(const AttentionInputs& in, AttentionPass pass) {
  Candidates found;
  for (const auto get : kInOrder) {
    const AttentionKernel& kernel = get();
    if (!is_wanted(kernel)) continue;
    const std::string problem = kernel.problem(in, pass, settings().deterministic);
    if (problem.empty())
      found.kernels.push_back(&kernel);
    else
      found.reasons += fmt::format("; not {}: {}", kernel.name, problem);
  }
  if (found.kernels.empty()) found.kernels.push_back(&plain_attention());
  return found;
}

double milliseconds(const at::Device& device, const std::function<void()>& work) {
  static constexpr int kRepeats = 5;
  work();
  wait_for(device);
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < kRepeats; ++i) work();
  wait_for(device);
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count() /
         kRepeats;
}

// Shapes that one measurement stands for.
using ShapeClass = std::vector<std::int64_t>;

ShapeClass class_of(const AttentionInputs& in, AttentionPass pass) {
  return {in.q.size(0),
          in.q.size(1),
          in.q.size(2),
          in.k.size(0),
          in.k.size(1),
          in.lengths.samples(),
          in.lengths.equal() ? 1 : 0,
          static_cast<int>(pass),
          static_cast<int>(in.q.scalar_type())};
}

// The fastest at `work`, which is done by each several times; kept for the shape.
Chosen measured(const AttentionInputs& in, AttentionPass pass, const Candidates& from,
                const std::function<void(Chosen)>& work) {
  static std::mutex mutex;
  static std::map<ShapeClass, const AttentionKernel*> kept;
  const std::lock_guard lock(mutex);
  const AttentionKernel*& best = kept[class_of(in, pass)];
  if (best != nullptr) return *best;
  std::string times;
  double least = 0;
  for (const AttentionKernel* const kernel : from.kernels) {
    const double time = milliseconds(in.q.device(), [&] { work(*kernel); });
    times += fmt::format(" {} {:.3f} ms", kernel->name, time);
    if (best == nullptr || time < least) {
      best = kernel;
      least = time;
    }
  }
  log::info("{} of {} x {} tokens: {} ({})", description(in, pass), in.q.size(0), in.k.size(0), best->name,
            times.substr(1));
  return *best;
}

Chosen chosen(const AttentionInputs& in, AttentionPass pass, const std::function<void(Chosen)>& work) {
  const Candidates from = candidates(in, pass);
  if (settings().choice == AttentionChoice::measure && from.kernels.size() > 1)
    return measured(in, pass, from, work);
  const AttentionKernel& kernel = *from.kernels.front();
  say(fmt::format("{}: {}{}", description(in, pass), kernel.name, from.reasons));
  return kernel;
}

}  // namespace

AttentionChoice parse_attention_choice(const std::string& text) {
  static const std::map<std::string, AttentionChoice> names{{"auto", AttentionChoice::automatic},
                                                            {"measure", AttentionChoice::measure},
                                                            {"cudnn", AttentionChoice::cudnn},
                                                            {"flash", AttentionChoice::flash},
                                                            {"plain", AttentionChoice::plain}};
  return names.at(text);
}

void set_attention(const AttentionSettings& of_process) { settings() = of_process; }

bool attends_by_kernels(const at::Tensor& rows) {
  return !rows.is_cpu() || settings().choice == AttentionChoice::plain;
}

Attended attend(const AttentionInputs& in, const AttentionKernel* kernel) {
  const AttentionInputs formed = in_form(in);
  const auto work = [&](Chosen by) { return by.forward(formed); };
  Attended attended = work(kernel != nullptr ? *kernel : chosen(formed, AttentionPass::forward, work));
  attended.out = cut(attended.out, in.q.size(2));
  return attended;
}

AttentionGradients attention_gradients(const AttentionInputs& in, const Attended& attended,
                                       const at::Tensor& dout, const AttentionKernel* kernel) {
  const AttentionInputs formed = in_form(in);
  const std::int64_t given = in.q.size(2), width = formed.q.size(2);
  const Attended formed_result{padded(attended.out, width), attended.log_sum_exp};
  const at::Tensor formed_dout = padded(dout, width);
  const auto work = [&](Chosen by) {
    return by.backward(formed, formed_result, formed_dout, settings().deterministic);
  };
  const auto all = work(kernel != nullptr ? *kernel : chosen(formed, AttentionPass::backward, work));
  return {cut(all.q, given), cut(all.k, given), cut(all.v, given)};
}

}  // namespace dfm::nn
