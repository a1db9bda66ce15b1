#include "nn/travelling_rows.h"

#include <optional>

#include "nn/raw_collectives.h"

namespace dfm::nn {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

struct Journey {
  void leave(const at::Tensor& rows) { under_way.emplace(rows, out_counts, in_counts, *group); }
  void leave_back(const at::Tensor& gradient) { under_way.emplace(gradient, in_counts, out_counts, *group); }

  RowCounts out_counts, in_counts;
  const comm::Group* group;
  std::optional<raw::ExchangingRows> under_way = {};
};

// Has no values: links a departure and its arrival in autograd's graph.
at::Tensor ticket_like(const at::Tensor& rows) { return at::empty({0}, rows.options()); }

struct Departure : torch::autograd::Function<Departure> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& rows, const Holder& journey) {
    keep(context, journey);
    value_in<Journey>(journey).leave(rows);
    return ticket_like(rows);
  }
  static variable_list backward(AutogradContext* context, const variable_list& /*of_ticket*/) {
    return {kept<Journey>(context).under_way->finish(), {}};
  }
};

struct Arrival : torch::autograd::Function<Arrival> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& /*ticket*/, const Holder& journey) {
    keep(context, journey);
    return value_in<Journey>(journey).under_way->finish();
  }
  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    kept<Journey>(context).leave_back(gradients[0]);
    return {ticket_like(gradients[0]), {}};
  }
};

}  // namespace

TravellingRows::TravellingRows(const at::Tensor& rows, const RowCounts& out_counts,
                               const RowCounts& in_counts, const comm::Group& group)
    : journey_(hold(Journey{out_counts, in_counts, &group})), ticket_(Departure::apply(rows, journey_)) {}

at::Tensor TravellingRows::arrived() const { return Arrival::apply(ticket_, journey_); }

}  // namespace dfm::nn
