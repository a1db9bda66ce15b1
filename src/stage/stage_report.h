// What staging did, a node and all nodes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace dfm::stage {

struct NodeReport {
  std::int64_t files = 0;
  std::int64_t found = 0;   // left by an earlier run and still valid
  std::int64_t staged = 0;  // copied by this run
  std::int64_t problems = 0;
  std::uint64_t found_bytes = 0;
  std::uint64_t read_bytes = 0;     // from the shared file system, by this node
  std::uint64_t written_bytes = 0;  // to this node's scratch
  double seconds = 0;
  bool stopped = false;

  std::int64_t missing() const { return files - found - staged; }
};

std::string to_text(const NodeReport& report);
NodeReport node_report_from_text(const std::string& text);

// For the log: "12 files (3.2 GiB) on 4 nodes in 12.3 s: ...".
std::string describe(const std::vector<NodeReport>& nodes);

}  // namespace dfm::stage
