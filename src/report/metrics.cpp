#include "report/metrics.h"

#include <charconv>
#include <limits>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/json.h"
#include "core/log.h"
#include "report/lines.h"

namespace dfm::report {
namespace {

Json to_json(const TrainRecord& record) {
  Json json{{"kind", "train"},
            {"iteration", record.iteration},
            {"consumed_samples", record.consumed_samples},
            {"lr", record.learning_rate},
            {"loss", record.loss},
            {"grad_norm", record.grad_norm},
            {"tokens", record.tokens},
            {"pack_fill", record.pack_fill},
            {"step_seconds", record.step_seconds}};
  if (record.gpu_bytes > 0) json["gpu_bytes"] = record.gpu_bytes;
  return json;
}

Json to_json(const ValidationRecord& record) {
  Json by_sigma = Json::object();
  for (const auto& [sigma, loss] : record.losses_by_sigma) by_sigma[Json(sigma).dump()] = loss;
  Json json{{"kind", "validation"},
            {"iteration", record.iteration},
            {"loss", record.loss},
            {"losses_by_sigma", std::move(by_sigma)}};
  if (!record.prompts.empty()) json["prompts"] = record.prompts;
  return json;
}

std::int64_t integer(const Json& object, const char* key) {
  const Json& value = object.at(key);
  if (!value.is_number_integer()) throw data_error(fmt::format("{} is not an integer", key));
  return value.get<std::int64_t>();
}

double number(const Json& value) {
  return value.is_null() ? std::numeric_limits<double>::quiet_NaN() : value.get<double>();
}

TrainRecord train_record(const Json& json) {
  return {.iteration = integer(json, "iteration"),
          .consumed_samples = integer(json, "consumed_samples"),
          .learning_rate = number(json.at("lr")),
          .loss = number(json.at("loss")),
          .grad_norm = number(json.at("grad_norm")),
          .tokens = integer(json, "tokens"),
          .pack_fill = json.contains("pack_fill") ? number(json.at("pack_fill")) : 0,
          .step_seconds = number(json.at("step_seconds")),
          .gpu_bytes = json.contains("gpu_bytes") ? integer(json, "gpu_bytes") : 0};
}

double sigma_from(const std::string& text) {
  double sigma = 0;
  const char* const end = text.data() + text.size();
  if (std::from_chars(text.data(), end, sigma).ptr != end) throw data_error(text + " is not a number");
  return sigma;
}

ValidationRecord validation_record(const Json& json) {
  ValidationRecord record{integer(json, "iteration"), number(json.at("loss")), {}};
  for (const auto& [sigma, loss] : json.at("losses_by_sigma").items()) {
    record.losses_by_sigma[sigma_from(sigma)] = number(loss);
  }
  if (json.contains("prompts")) record.prompts = json.at("prompts").get<std::vector<std::string>>();
  return record;
}

}  // namespace

double tokens_per_second(const TrainRecord& record) {
  return static_cast<double>(record.tokens) / record.step_seconds;
}

std::string to_json_line(const Record& record) {
  return std::visit([](const auto& each) { return to_json(each).dump(); }, record);
}

std::optional<Record> parse_json_line(std::string_view line) {
  try {
    const Json json = parse_json(line, "a line of metrics");
    const auto& kind = json.at("kind");
    if (kind == "train") return train_record(json);
    if (kind == "validation") return validation_record(json);
  } catch (const Json::exception&) {
  } catch (const Error&) {
  }
  return std::nullopt;
}

MetricsHistory read_metrics(const std::filesystem::path& path) {
  MetricsHistory history;
  std::int64_t unreadable_lines = 0;
  const std::string text = read_metrics_text(path);
  for (const std::string_view line : complete_lines(text)) {
    const auto record = parse_json_line(line);
    if (!record) {
      ++unreadable_lines;
    } else if (const auto* train = std::get_if<TrainRecord>(&*record)) {
      history.train.push_back(*train);
    } else {
      history.validation.push_back(std::get<ValidationRecord>(*record));
    }
  }
  if (unreadable_lines > 0)
    log::warn("{}: {} lines are not records of metrics", path.native(), unreadable_lines);
  return history;
}

}  // namespace dfm::report
