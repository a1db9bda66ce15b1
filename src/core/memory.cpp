#include "core/memory.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <new>
#include <string>

namespace dfm {
namespace {

struct NodeMemory {
  std::uint64_t memory = 0, swap = 0;
};

NodeMemory memory_of_node() {
  std::ifstream lines("/proc/meminfo");
  NodeMemory node;
  std::string rest;
  for (std::string name; lines >> name;) {
    if (name == "MemTotal:") lines >> node.memory;
    if (name == "SwapTotal:") lines >> node.swap;
    std::getline(lines, rest);
  }
  constexpr std::uint64_t kKibibyte = 1024;
  return {node.memory * kKibibyte, node.swap * kKibibyte};
}

// "0::/user.slice/job" is the line of the unified hierarchy; the groups above bind, too.
std::uint64_t limited_by_groups(std::uint64_t bytes) {
  std::ifstream lines("/proc/self/cgroup");
  std::filesystem::path group;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("0::/")) group = line.substr(std::string("0::").size());
  }
  for (; group.has_relative_path(); group = group.parent_path()) {
    std::uint64_t most = 0;  // the file says "max" where there is no limit
    if (std::ifstream(std::filesystem::path("/sys/fs/cgroup") / group.relative_path() / "memory.max") >> most)
      bytes = std::min(bytes, most);
  }
  return bytes;
}

}  // namespace

std::optional<std::uint64_t> memory_limit_bytes() {
  const NodeMemory node = memory_of_node();
  if (node.memory == 0) return std::nullopt;
  return limited_by_groups(node.memory) + node.swap;
}

bool is_lack_of_memory(const std::exception_ptr& failure) {
  try {
    std::rethrow_exception(failure);
  } catch (const std::bad_alloc&) {
    return true;
  } catch (const std::exception& error) {  // LibTorch's are known by their words
    const std::string text = error.what();
    return text.find("can't allocate memory") != std::string::npos ||
           text.find("out of memory") != std::string::npos;
  } catch (...) {
    return false;
  }
}

}  // namespace dfm
