// Functions that can be left in the middle and gone on with, on one thread.
#pragma once

#include <array>
#include <cstddef>
#include <functional>
#include <memory>
#include <vector>

#include <ucontext.h>

namespace dfm::emulated {

// Number i runs the same function again and again, as often as it is resumed after its end.
class Fibers {
 public:
  // Runs until the function ends (true) or yields (false).
  bool resume(std::size_t i, const std::function<void()>& function);
  // Out of the function that runs.
  void yield();

 private:
  // As GCC's __builtin_setjmp fills it.
  using Place = std::array<void*, 5>;

  struct Fiber {
    std::unique_ptr<std::byte[]> stack;
    ucontext_t start;
    Place place;
    bool has_started = false, has_ended = true;
  };

  Fiber& fiber(std::size_t i);
  void enter(Fiber& fiber);
  [[noreturn]] void leave();
  static void begin();
  [[noreturn]] void run_for_ever(Fiber& fiber);

  std::vector<std::unique_ptr<Fiber>> fibers_;
  Fiber* current_ = nullptr;
  const std::function<void()>* function_ = nullptr;
  Place scheduler_;
};

}  // namespace dfm::emulated
