// What the whole process has and never destroys: threads of LibTorch free tensors while the process ends,
// after the destructors of static objects.
//
//   static Immortal<Blocks> of_process;
//   return of_process.value;
#pragma once

namespace dfm::emulated {

template <class T>
union Immortal {
  Immortal() : value() {}
  Immortal(const Immortal&) = delete;
  Immortal& operator=(const Immortal&) = delete;
  ~Immortal() {}

  T value;
};

}  // namespace dfm::emulated
