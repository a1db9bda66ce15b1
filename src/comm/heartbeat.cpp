#include "comm/heartbeat.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>

#include <arpa/inet.h>
#include <fmt/core.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/error.h"

namespace dfm::comm {
namespace {

// What travels. All ranks of a job run the same program on the same kind of machine.
struct Datagram {
  std::uint64_t key = 0;
  std::int32_t kind = 0;
  std::int32_t rank = 0;
  std::int32_t phase = 0;
  std::int64_t step = 0;
  std::uint64_t progress = 0;
  std::array<char, 64> waits{};
};

bool is_loopback(const sockaddr_in& address) { return (ntohl(address.sin_addr.s_addr) >> 24U) == 127; }

std::string text_of(const sockaddr_in& address) {
  std::array<char, INET_ADDRSTRLEN> text{};
  ::inet_ntop(AF_INET, &address.sin_addr, text.data(), text.size());
  return text.data();
}

// The address that this host's name has for others; empty where it has none.
std::string named_address() {
  std::array<char, 256> name{};
  ::gethostname(name.data(), name.size() - 1);
  addrinfo hints{};
  hints.ai_family = AF_INET;
  addrinfo* found = nullptr;
  if (::getaddrinfo(name.data(), nullptr, &hints, &found) != 0) return "";
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(found, &::freeaddrinfo);
  for (const addrinfo* each = found; each != nullptr; each = each->ai_next) {
    const auto& address = *reinterpret_cast<const sockaddr_in*>(each->ai_addr);
    if (!is_loopback(address)) return text_of(address);
  }
  return "";
}

// The first interface that leads out of this host.
std::string interface_address() {
  ifaddrs* found = nullptr;
  if (::getifaddrs(&found) != 0) return "";
  const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> owner(found, &::freeifaddrs);
  for (const ifaddrs* each = found; each != nullptr; each = each->ifa_next) {
    const bool is_up = (each->ifa_flags & IFF_UP) != 0 && (each->ifa_flags & IFF_LOOPBACK) == 0;
    if (!is_up || each->ifa_addr == nullptr || each->ifa_addr->sa_family != AF_INET) continue;
    return text_of(*reinterpret_cast<const sockaddr_in*>(each->ifa_addr));
  }
  return "";
}

}  // namespace

HeartbeatSocket::HeartbeatSocket() : descriptor_(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in any{};
  any.sin_family = AF_INET;
  if (descriptor_ >= 0 && ::bind(descriptor_, reinterpret_cast<const sockaddr*>(&any), sizeof any) == 0)
    return;
  const int bind_errno = errno;
  if (descriptor_ >= 0) ::close(descriptor_);
  throw system_error("open", "a UDP socket", bind_errno);
}

HeartbeatSocket::~HeartbeatSocket() { ::close(descriptor_); }

std::string HeartbeatSocket::address(bool one_node) const {
  sockaddr_in mine{};
  socklen_t size = sizeof mine;
  ::getsockname(descriptor_, reinterpret_cast<sockaddr*>(&mine), &size);
  std::string host = one_node ? "127.0.0.1" : named_address();
  if (host.empty()) host = interface_address();
  return fmt::format("{}:{}", host, ntohs(mine.sin_port));
}

void HeartbeatSocket::send(Message kind, const Beat& beat, const std::string& address) const {
  Datagram datagram{.key = key_,
                    .kind = static_cast<std::int32_t>(kind),
                    .rank = beat.rank,
                    .phase = static_cast<std::int32_t>(beat.phase),
                    .step = beat.step,
                    .progress = beat.progress};
  beat.waits.copy(datagram.waits.data(), datagram.waits.size() - 1);
  const auto colon = address.find(':');
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(static_cast<std::uint16_t>(std::strtoul(address.c_str() + colon + 1, nullptr, 10)));
  if (::inet_pton(AF_INET, address.substr(0, colon).c_str(), &to.sin_addr) != 1) return;
  ::sendto(descriptor_, &datagram, sizeof datagram, MSG_DONTWAIT, reinterpret_cast<const sockaddr*>(&to),
           sizeof to);
}

std::optional<Received> HeartbeatSocket::receive(int timeout_ms) const {
  pollfd waits{descriptor_, POLLIN, 0};
  if (::poll(&waits, 1, timeout_ms) <= 0) return std::nullopt;
  Datagram datagram;
  const auto size = ::recv(descriptor_, &datagram, sizeof datagram, MSG_DONTWAIT);
  if (size != sizeof datagram || datagram.key != key_) return std::nullopt;
  datagram.waits.back() = '\0';
  const bool is_known =
      datagram.phase >= 0 && datagram.phase <= static_cast<std::int32_t>(activity::Phase::finishing);
  if (!is_known) return std::nullopt;
  return Received{static_cast<Message>(datagram.kind),
                  {datagram.rank, static_cast<activity::Phase>(datagram.phase), datagram.step,
                   datagram.progress, datagram.waits.data()}};
}

}  // namespace dfm::comm
