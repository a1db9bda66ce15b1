#include "data/inspect/dataset_check.h"

#include <algorithm>
#include <functional>
#include <map>
#include <unordered_set>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "comm/agree.h"
#include "core/error.h"
#include "core/json.h"
#include "core/stop_token.h"
#include "core/text.h"
#include "core/units.h"
#include "data/energon/index_builder.h"
#include "data/energon/listed_shards.h"
#include "data/energon/sample_table_reader.h"
#include "data/inspect/promised_files.h"
#include "data/inspect/shard_check.h"

namespace dfm::data {
namespace {

namespace fs = std::filesystem;

using Checks = std::map<std::size_t, ShardCheck>;  // by place

std::string to_text(const Checks& checks) {
  Json json = Json::array();
  for (const auto& [place, check] : checks)
    json.push_back({place, check.samples, check.parts, check.tensors, check.bytes, check.findings});
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

void add(const std::string& text, Checks& checks) {
  for (const Json& row : parse_json(text, "checks of another rank")) {
    checks[row[0].get<std::size_t>()] = {row[1].get<std::uint64_t>(), row[2].get<std::uint64_t>(),
                                         row[3].get<std::uint64_t>(), row[4].get<std::uint64_t>(),
                                         row[5].get<std::vector<std::string>>()};
  }
}

void check_splits(const fs::path& root, const DatasetInfo& info, std::vector<std::string>& findings) {
  std::unordered_set<std::string> known;
  for (const ShardCount& shard : info.shards) known.insert(shard.name);
  const Splits splits = read_splits(root);
  for (const SplitPart& part : splits.parts) {
    for (const std::string& name : part.shards) {
      if (!known.contains(name))
        findings.push_back(fmt::format("split {}: {} is not in .info.json", part.name, printable(name)));
    }
  }
}

// Rows that belong to no shard are in no comparison of one.
void check_tables(const fs::path& root, const CheckReport& report, std::vector<std::string>& findings) {
  if (!SampleTableReader::exists(root)) return;
  SampleTableReader tables(root);
  for (const std::string& damage : tables.damage()) findings.push_back("index.sqlite: " + damage);
  if (tables.sample_count() != report.samples)
    findings.push_back(
        fmt::format("index.sqlite has {} samples, the shards {}", tables.sample_count(), report.samples));
  if (tables.has_parts() && tables.part_count() != report.parts)
    findings.push_back(
        fmt::format("index.sqlite has {} parts, the shards {}", tables.part_count(), report.parts));
}

void check_metadata(const fs::path& root, const DatasetInfo& info, CheckReport& report) {
  const std::vector<std::string> missing = missing_files(root, info);
  report.findings.insert(report.findings.end(), missing.begin(), missing.end());
  for (const auto& check : {std::function<void()>([&] { check_splits(root, info, report.findings); }),
                            std::function<void()>([&] { check_tables(root, report, report.findings); })}) {
    try {
      check();
    } catch (const Error& error) {
      report.findings.emplace_back(error.what());
    }
  }
}

CheckReport add_up(const Checks& checks) {
  CheckReport report;
  for (const auto& [place, check] : checks) {
    ++report.shards;
    report.samples += check.samples;
    report.parts += check.parts;
    report.tensors += check.tensors;
    report.bytes += check.bytes;
    report.findings.insert(report.findings.end(), check.findings.begin(), check.findings.end());
  }
  return report;
}

}  // namespace

CheckReport check_dataset(const fs::path& root, const comm::Group& world, const CheckTools& tools) {
  const DatasetInfo info = comm::agreed(world, [&] { return read_dataset_info(root); });
  const auto files = files_of(root, info);
  const auto owners = deal_shards(files, world.size());
  Progress progress("Verifying", std::ranges::count(owners, world.rank()), tools.progress);
  CommonRecords common(root);
  Checks mine, all;
  comm::agreed(world, [&] {
    for (std::size_t i = 0; i < files.size() && !StopToken::requested(); ++i) {
      if (owners[i] != world.rank()) continue;
      mine[i] = check_shard(common, i, info.shards[i], tools.read_shapes);
      progress.advance(1, files[i].name);
    }
  });
  CheckReport report;
  report.stopped = comm::stop_requested_anywhere(world);
  if (report.stopped) return report;
  for (const std::string& text : world.all_gather_text(to_text(mine))) add(text, all);
  report = add_up(all);
  comm::agreed(world, [&] {
    if (world.rank() == 0) check_metadata(root, info, report);
  });
  return report;
}

std::string check_text(const CheckReport& report) {
  std::string text;
  for (const std::string& finding : report.findings) text += finding + "\n";
  return text +
         fmt::format("{} shards ({}), {} samples, {} parts, {} tensors read: {}\n", report.shards,
                     format_bytes(report.bytes), format_count(static_cast<std::int64_t>(report.samples)),
                     format_count(static_cast<std::int64_t>(report.parts)), report.tensors,
                     report.findings.empty() ? "all right" : fmt::format("{} wrong", report.findings.size()));
}

std::string check_json(const CheckReport& report) {
  return Json{{"right", report.findings.empty()}, {"shards", report.shards},
              {"samples", report.samples},        {"parts", report.parts},
              {"tensors", report.tensors},        {"bytes", report.bytes},
              {"findings", report.findings}}
             .dump(2, ' ', false, Json::error_handler_t::replace) +
         "\n";
}

}  // namespace dfm::data
