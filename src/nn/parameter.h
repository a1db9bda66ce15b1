// Parameters with their placement: what a tensor is globally, how it starts, and over which ranks its
// gradient is still a partial sum after backward. One reducer (train/gradients.h) reads the placement;
// nothing else knows.
//
//   ParameterList parameters;
//   at::Tensor weight = Scope(parameters, "decoder").declare("mlp.weight", {4 * h, h}, Init::normal(0.02));
//   parameters.materialize(at::kFloat);       // until now nothing was allocated
//   parameters.initialize(seed);
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/array.h"
#include "core/stripe.h"
#include "nn/block_hooks.h"
#include "nn/model_parallel.h"
#include "nn/torch_header.h"

namespace dfm::nn {

// How the elements start. Values depend on seed, parameter name and global element index only.
struct Init {
  enum class Kind { zeros, ones, normal, uniform };
  Kind kind = Kind::zeros;
  double scale = 0;  // standard deviation, or bound of the uniform distribution

  static Init zeros() { return {Kind::zeros, 0}; }
  static Init ones() { return {Kind::ones, 0}; }
  static Init normal(double standard_deviation) { return {Kind::normal, standard_deviation}; }
  // The default of torch.nn.Linear: U(-1/sqrt(fan_in), 1/sqrt(fan_in)).
  static Init linear_default(std::int64_t fan_in);
};

// The part of a tensor that this rank holds, when its tensor ranks divide it.
struct Cut {
  Shape shape;
  Stripe stripe;  // its elements among those of the whole
};

// Gradients are always partial over data and context parallel ranks; these are the dimensions that may come
// on top (design section 5). An expert's are complete within a group that shares the experts, whose other
// ranks do not have it.
struct Placement {
  Shape global_shape;
  bool partial_over_tensor = false;    // acts on local heads or on a slice of the sequence only
  bool partial_over_pipeline = false;  // replicated over the stages, as conditioning embedders are
  bool is_of_expert = false;           // one rank of every expert group has it
  std::optional<Cut> cut = {};         // none: this rank holds all of it

  const Shape& shape() const { return cut ? cut->shape : global_shape; }
  Stripe stripe() const { return cut ? cut->stripe : whole(element_count(global_shape)); }
  // Over which ranks it is replicated and summed: what differs in this is reduced in different messages.
  bool is_reduced_as(const Placement& other) const {
    return partial_over_tensor == other.partial_over_tensor &&
           partial_over_pipeline == other.partial_over_pipeline && is_of_expert == other.is_of_expert;
  }
};

struct Parameter {
  std::string name;
  Placement placement;
  Init init;
  at::Tensor value;  // empty until materialized; the modules hold the same tensor

  std::int64_t count() const { return element_count(placement.shape()); }  // on this rank
  std::int64_t global_count() const { return element_count(placement.global_shape); }
  // Matrices decay; biases and norms do not (spec/dfm.md section 9.1).
  bool decays() const { return placement.global_shape.size() > 1; }
};

// "decoder.layers.N.anything" is of block N.
std::optional<std::size_t> block_of(const std::string& parameter_name);

// How the values are held: in one buffer; or, where the parameters of blocks come and go, in one for all
// that is outside of blocks, and one a block that has no memory until it is given some.
enum class Memory { whole, by_block };

// Parameters that share a buffer: [first, last) of the list.
struct ParameterUnit {
  std::size_t first = 0, last = 0;
  at::Tensor buffer = {};
  // By its number in the whole network. None: what is outside of blocks.
  std::optional<std::size_t> block = {};
};

class ParameterList {
 public:
  ParameterList() = default;
  explicit ParameterList(ModelParallel parallel) : parallel_(parallel) {}
  ParameterList(ParameterList&&) = default;
  ParameterList& operator=(ParameterList&&) = default;
  ParameterList(const ParameterList&) = delete;
  ParameterList& operator=(const ParameterList&) = delete;

  // Returns a placeholder that becomes the parameter's value when the list is materialized. What is not cut
  // acts on this rank's tokens or heads only, so that its gradient is partial over the tensor ranks.
  at::Tensor declare(std::string name, Placement placement, Init init);

  // Allocates the values, each aligned to kAlignment elements, zero-filled, requiring gradients. Those of a
  // unit become neighbours, and within it those that are reduced alike.
  void materialize(at::ScalarType dtype, Memory memory = Memory::whole, const at::Device& device = at::kCPU);
  // Their places alone: materialize does this first.
  void arrange(Memory memory);

  // Fills the values as their Init says.
  void initialize(std::uint64_t seed);

  const std::vector<Parameter>& all() const { return parameters_; }
  std::int64_t total_count() const;  // elements of the whole tensors, without the padding
  const Parameter& find(const std::string& name) const;

  const ModelParallel& parallel() const { return parallel_; }

  // What is held together: everything, or what is outside of blocks and then each block.
  const std::vector<ParameterUnit>& units() const { return units_; }
  const ParameterUnit& unit_of(std::size_t parameter) const;
  // The number of the unit of a block that this rank has.
  std::size_t unit_of_block(std::size_t block) const;
  // Gives the values of a unit memory, or takes it away (null). All tensors of the unit see it.
  void attach(std::size_t unit, std::byte* memory) const;
  // Whoever gives and takes memory sets them; a network that is built on this list calls them.
  const std::shared_ptr<BlockHooks>& block_hooks() const { return hooks_; }

  // Where they are, once materialized.
  at::Device device() const { return buffer().device(); }
  // The buffer of the first unit, and where each value begins when the units lie one behind the other; the
  // offset after the last parameter's is where they end.
  const at::Tensor& buffer() const { return units_.front().buffer; }
  std::int64_t offset(std::size_t index) const { return offsets_[index]; }

  static constexpr std::int64_t kAlignment = 32;

 private:
  void place();
  void sort(Memory memory);
  void divide_into_units(Memory memory);
  void bind(const ParameterUnit& unit);

  ModelParallel parallel_;
  std::vector<Parameter> parameters_;
  std::vector<std::int64_t> offsets_{0};  // one more than parameters
  std::vector<ParameterUnit> units_ = std::vector<ParameterUnit>(1);
  std::shared_ptr<BlockHooks> hooks_ = std::make_shared<BlockHooks>();
};

// out[i] = initial value of element first + i of those that this rank holds.
void initial_values(const Parameter& parameter, std::uint64_t seed, std::int64_t first, std::span<float> out);

// Declares parameters under a dotted prefix.
class Scope {
 public:
  explicit Scope(ParameterList& list, std::string prefix = "") : list_(&list), prefix_(std::move(prefix)) {}

  Scope child(const std::string& name) const {
    Scope scope = *this;
    scope.prefix_ = qualified(name);
    return scope;
  }
  // For what this rank has and the others of its expert group do not.
  Scope expert_child(const std::string& name) const {
    Scope scope = child(name);
    scope.is_of_expert_ = parallel().expert_ranks() > 1;
    return scope;
  }
  // Where a pipeline has the parameters of this scope. On other stages they are not declared, and what is
  // built of them must not be used.
  Scope on_first_stage() const { return only_if(parallel().depth.stage == 0); }
  Scope on_last_stage() const { return only_if(parallel().depth.stage + 1 == parallel().depth.stages); }
  // Replicated, as what conditions all layers is: the gradients of the stages are summed.
  Scope on_all_stages() const {
    Scope scope = *this;
    scope.is_replicated_ = parallel().depth.stages > 1;
    return scope;
  }

  at::Tensor declare(const std::string& name, Shape shape, Init init) const {
    return declare_placed(name, {.global_shape = std::move(shape)}, init);
  }
  // One that the tensor ranks divide: whole where there is one.
  at::Tensor declare_cut(const std::string& name, Shape shape, const Cut& cut, Init init) const {
    if (parallel().tensor_ranks() == 1) return declare(name, std::move(shape), init);
    return declare_placed(name, {.global_shape = std::move(shape), .cut = cut}, init);
  }
  const ModelParallel& parallel() const { return list_->parallel(); }

 private:
  std::string qualified(const std::string& name) const {
    return prefix_.empty() ? name : prefix_ + "." + name;
  }

  Scope only_if(bool is_here) const {
    Scope scope = *this;
    scope.is_here_ = is_here;
    return scope;
  }
  at::Tensor declare_placed(const std::string& name, Placement placement, Init init) const {
    if (!is_here_) return {};
    placement.partial_over_pipeline = is_replicated_;
    placement.is_of_expert = is_of_expert_;
    return list_->declare(qualified(name), std::move(placement), init);
  }

  ParameterList* list_;
  std::string prefix_;
  bool is_here_ = true, is_replicated_ = false, is_of_expert_ = false;
};

}  // namespace dfm::nn
