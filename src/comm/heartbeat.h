// Heartbeats as UDP messages between the ranks of a job.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "comm/hang_judge.h"

namespace dfm::comm {

enum class Message : std::int32_t { beat, goodbye, end };

struct Received {
  Message kind = Message::beat;
  Beat beat;
};

class HeartbeatSocket {
 public:
  // Throws an error when the system gives no socket.
  HeartbeatSocket();
  HeartbeatSocket(const HeartbeatSocket&) = delete;
  HeartbeatSocket& operator=(const HeartbeatSocket&) = delete;
  ~HeartbeatSocket();

  // "10.0.0.7:41234", where other ranks reach this one. one_node: all are on this node.
  std::string address(bool one_node) const;

  // A message that cannot be sent is lost, as on the way.
  void send(Message kind, const Beat& beat, const std::string& address) const;
  // The next message of this job; empty when none comes within the time.
  std::optional<Received> receive(int timeout_ms) const;

  // A number that only this job knows; messages without it are not taken.
  void set_key(std::uint64_t key) { key_ = key; }

 private:
  int descriptor_;
  std::uint64_t key_ = 0;
};

}  // namespace dfm::comm
