// What a step of autograd keeps for its backward pass and is neither a tensor nor a number: autograd's
// context takes it as a capsule.
//
//   Step::apply(x, hold<Memory>(counts, group));
//   forward(context, x, holder):  keep(context, holder);  value_in<Memory>(holder).counts ...
//   backward(context, gradients): kept<Memory>(context).counts ...
#pragma once

#include <utility>

#include <torch/custom_class.h>

#include "nn/torch_header.h"

namespace dfm::nn {

using Holder = c10::intrusive_ptr<torch::CustomClassHolder>;

template <class Value>
struct Held : torch::CustomClassHolder {
  explicit Held(Value of) : value(std::move(of)) {}
  Value value;
};

template <class Value>
Holder hold(Value value) {
  return c10::make_intrusive<Held<Value>>(std::move(value));
}

template <class Value>
Value& value_in(const Holder& holder) {
  return static_cast<Held<Value>&>(*holder).value;
}

inline void keep(torch::autograd::AutogradContext* context, const Holder& holder) {
  context->saved_data["held"] = c10::IValue::make_capsule(holder);
}

// Stays as long as the context does.
template <class Value>
Value& kept(torch::autograd::AutogradContext* context) {
  return value_in<Value>(context->saved_data["held"].toCapsule());
}

}  // namespace dfm::nn
