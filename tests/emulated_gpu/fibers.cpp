// A fiber's stack is made by makecontext; from then on it is entered and left by GCC's setjmp, which costs a
// few instructions, and asks that one jumps from a function of its own.
#include "emulated_gpu/fibers.h"

namespace dfm::emulated {
namespace {

constexpr std::size_t kStackBytes = std::size_t{64} * 1024;

// makecontext hands over no pointers.
Fibers* starting = nullptr;

}  // namespace

void Fibers::begin() { starting->run_for_ever(*starting->current_); }

void Fibers::run_for_ever(Fiber& fiber) {
  for (;;) {
    fiber.has_ended = false;
    (*function_)();
    fiber.has_ended = true;
    yield();
  }
}

Fibers::Fiber& Fibers::fiber(std::size_t i) {
  if (i >= fibers_.size()) fibers_.resize(i + 1);
  if (fibers_[i] == nullptr) {
    fibers_[i] = std::make_unique<Fiber>();
    Fiber& made = *fibers_[i];
    made.stack = std::make_unique_for_overwrite<std::byte[]>(kStackBytes);
    ::getcontext(&made.start);
    made.start.uc_stack = {.ss_sp = made.stack.get(), .ss_flags = 0, .ss_size = kStackBytes};
    ::makecontext(&made.start, begin, 0);
  }
  return *fibers_[i];
}

__attribute__((noinline)) void Fibers::enter(Fiber& fiber) {
  if (fiber.has_started) __builtin_longjmp(fiber.place.data(), 1);
  fiber.has_started = true;
  starting = this;
  ::setcontext(&fiber.start);
}

__attribute__((noinline)) void Fibers::leave() { __builtin_longjmp(scheduler_.data(), 1); }

__attribute__((noinline)) bool Fibers::resume(std::size_t i, const std::function<void()>& function) {
  current_ = &fiber(i);
  function_ = &function;
  if (__builtin_setjmp(scheduler_.data()) == 0) enter(*current_);
  return current_->has_ended;
}

__attribute__((noinline)) void Fibers::yield() {
  if (__builtin_setjmp(current_->place.data()) == 0) leave();
}

}  // namespace dfm::emulated
