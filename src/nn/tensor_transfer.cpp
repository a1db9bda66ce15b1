#include "nn/tensor_transfer.h"

namespace dfm::nn {

// MPI's part waits by itself.
TensorTransfer::~TensorTransfer() {
  if (!arrival_) return;
  try {
    arrival_();
  } catch (...) {  // a device that fails says so again at the next call
  }
}

void TensorTransfer::wait() {
  transfer_.wait();
  if (kept_.arriving.defined()) kept_.target.copy_(kept_.arriving);
  if (arrival_) arrival_();
  arrival_ = {};
  kept_ = {};
}

bool TensorTransfer::is_finished() { return transfer_.is_finished() && (!arrival_ || arrival_.is_over()); }

}  // namespace dfm::nn
