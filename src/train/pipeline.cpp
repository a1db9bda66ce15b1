#include "train/pipeline.h"

#include <list>
#include <map>
#include <utility>

#include "nn/raw_collectives.h"

namespace dfm::train {
namespace {

// A chunk of layers that a pack has passed and has yet to pass backwards.
struct Visit {
  at::Tensor input, output;
};

}  // namespace

// What goes to a neighbour or comes from it; undefined where nothing does.
struct Pipeline::Message {
  at::Tensor values;
  nn::TensorTransfer transfer;
};

struct Pipeline::Run {
  bool has(const PipelineWork& work) const { return work.pack < hooks.packs; }
  const PackTensors& pack(std::size_t number) {
    const auto found = packs.find(number);
    return found != packs.end() ? found->second : packs.emplace(number, hooks.tensors(number)).first->second;
  }
  Visit& visit(const PipelineWork& work) { return visits[{work.chunk, work.pack}]; }
  void send(const at::Tensor& values, const comm::Group& link) {
    outgoing.remove_if([](Message& message) { return message.transfer.is_finished(); });
    Message& message = outgoing.emplace_back(values.detach().contiguous());
    message.transfer = nn::raw::start_send(message.values, link);
  }

  const PipelineHooks& hooks;
  std::map<std::size_t, PackTensors> packs = {};  // under way
  std::map<std::pair<std::size_t, std::size_t>, Visit> visits = {};
  Message incoming = {};
  std::list<Message> outgoing = {};
  bool has_gradients = false;
};

void Pipeline::run(std::size_t passes, const PipelineHooks& hooks) const {
  const auto order = pipeline_schedule(pipeline_shape(parallel_.depth, passes),
                                       static_cast<std::size_t>(parallel_.depth.stage));
  auto run = std::make_unique<Run>(hooks);
  try {
    go_through(*run, order);
  } catch (...) {
    // Its messages may never arrive, so that waiting for them would hide the error.
    [[maybe_unused]] const Run* const left_behind = run.release();
    throw;
  }
}

void Pipeline::go_through(Run& run, const std::vector<PipelineWork>& order) const {
  if (!order.empty()) run.incoming = expect(run, order.front());
  for (std::size_t i = 0; i < order.size(); ++i) {
    run.incoming.transfer.wait();
    const at::Tensor values = std::exchange(run.incoming, {}).values;
    if (i + 1 < order.size()) run.incoming = expect(run, order[i + 1]);  // comes beside the computation
    if (!run.has(order[i])) {
      run.hooks.idle(order[i]);
    } else if (order[i].is_backward) {
      backward(run, order[i], values);
    } else {
      forward(run, order[i], values);
    }
  }
  for (Message& message : run.outgoing) message.transfer.wait();
}

Pipeline::Message Pipeline::expect(Run& run, const PipelineWork& work) const {
  const bool has_none = work.is_backward ? chunk(work).is_last : chunk(work).is_first;
  if (has_none || !run.has(work)) return {};
  Message message{network_.stage.room(run.pack(work.pack).layout), {}};
  message.transfer =
      nn::raw::start_receive(message.values, work.is_backward ? links().from_after : links().from_before);
  return message;
}

void Pipeline::forward(Run& run, const PipelineWork& work, const at::Tensor& input) const {
  const PackTensors& pack = run.pack(work.pack);
  Visit& visit = run.visit(work);
  visit.input = input;
  if (input.defined()) input.requires_grad_();
  const bool is_last = chunk(work).is_last;
  // A stage before the last has no prediction: losses are then of nothing, and nobody looks at them.
  const diffusion::Network network = [&](const at::Tensor& tokens, const at::Tensor& level) {
    visit.output = network_.stage.forward(static_cast<int>(work.chunk), input,
                                          {tokens, pack.positions, level, pack.text}, pack.layout);
    return is_last ? visit.output : at::zeros_like(tokens);
  };
  const at::Tensor losses = run.hooks.token_losses(pack, network);
  if (is_last) {
    visit.output = run.hooks.take_losses(pack, losses);
  } else {
    run.send(visit.output, links().to_after);
  }
}

void Pipeline::backward(Run& run, const PipelineWork& work, const at::Tensor& gradient) const {
  if (std::exchange(run.has_gradients, true)) run.hooks.between_backwards();
  const Visit& visit = run.visit(work);
  visit.output.backward(gradient);  // undefined for the loss, which is a number
  if (!chunk(work).is_first) run.send(visit.input.grad(), links().to_before);
  run.visits.erase({work.chunk, work.pack});
  if (work.chunk == 0) run.packs.erase(work.pack);
}

}  // namespace dfm::train
