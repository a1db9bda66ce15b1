// A thread that takes no signals: those for the process then interrupt the main thread, which polls them.
#pragma once

#include <csignal>
#include <thread>
#include <utility>

namespace dfm::comm {

template <class Body>
std::thread thread_without_signals(Body&& body) {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  std::thread thread(std::forward<Body>(body));
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return thread;
}

}  // namespace dfm::comm
