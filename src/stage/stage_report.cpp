#include "stage/stage_report.h"

#include <algorithm>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "core/json.h"
#include "core/units.h"

namespace dfm::stage {
namespace {

std::string rate(std::uint64_t bytes, double seconds) {
  return format_bytes(static_cast<std::uint64_t>(static_cast<double>(bytes) / std::max(seconds, 1e-3))) +
         "/s";
}

}  // namespace

std::string to_text(const NodeReport& report) {
  std::string text;
  Json::to_cbor(Json::array({report.files, report.found, report.staged, report.problems, report.found_bytes,
                             report.read_bytes, report.written_bytes, report.seconds, report.stopped}),
                text);
  return text;
}

NodeReport node_report_from_text(const std::string& text) {
  const Json json = Json::from_cbor(text);
  return {json.at(0), json.at(1), json.at(2), json.at(3), json.at(4),
          json.at(5), json.at(6), json.at(7), json.at(8)};
}

std::string describe(const std::vector<NodeReport>& nodes) {
  NodeReport all;
  std::vector<double> written_per_second;
  for (const NodeReport& node : nodes) {
    all.found += node.found;
    all.staged += node.staged;
    all.found_bytes += node.found_bytes;
    all.read_bytes += node.read_bytes;
    all.written_bytes += node.written_bytes;
    all.seconds = std::max(all.seconds, node.seconds);
    all.stopped = all.stopped || node.stopped;
    written_per_second.push_back(static_cast<double>(node.written_bytes) / std::max(node.seconds, 1e-3));
  }
  std::ranges::sort(written_per_second);
  const auto per_second = [&](double value) {
    return format_bytes(static_cast<std::uint64_t>(value)) + "/s";
  };
  return fmt::format(
      "{} copies ({}) on {} nodes in {}: {} read from the shared file system once ({}), written per node at "
      "{} "
      "to {} (median {}); {} copies ({}) were there already{}",
      all.staged, format_bytes(all.written_bytes), nodes.size(), format_seconds(all.seconds),
      format_bytes(all.read_bytes), rate(all.read_bytes, all.seconds), per_second(written_per_second.front()),
      per_second(written_per_second.back()), per_second(written_per_second[written_per_second.size() / 2]),
      all.found, format_bytes(all.found_bytes), all.stopped ? "; ended before all had arrived" : "");
}

}  // namespace dfm::stage
