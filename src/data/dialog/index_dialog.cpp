#include "data/dialog/index_dialog.h"

#include <algorithm>
#include <system_error>

#include <fmt/format.h>

#include "core/error.h"
#include "core/text.h"
#include "data/dialog/sample_preview.h"
#include "data/energon/dataset_metadata.h"

namespace dfm::data {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostParts = 10;  // for which a field map is offered

void show_shards(Console& console, const Discovery& found) {
  console.say(fmt::format("Found {} tar files in total. The first and last ones are:", found.shards.size()));
  for (const ShardFile* const shard : {&found.shards.front(), &found.shards.back()})
    console.say(fmt::format("- {}", printable(shard->name)));
  console.say(
      "If you want to exclude some of them, cancel with ctrl+c and specify an exclude filter in the command "
      "line.");
}

SplitRatio ask_ratio(Console& console) {
  for (;;) {
    const std::string text =
        console.ask_text("Please enter a desired train/val/test split like \"0.5, 0.2, 0.3\" or \"8,1,1\"");
    try {
      return parse_split_ratio(text);
    } catch (const Error& error) {
      console.say(fmt::format("{}: {}", error.what(), error.hint()));
    }
  }
}

const SampleType& ask_type(Console& console) {
  const auto types = sample_types();
  console.say("The following sample types are available:");
  for (std::size_t i = 0; i < types.size(); ++i) console.say(fmt::format("{}. {}", i, types[i].title));
  for (;;) {
    const std::int64_t choice = console.ask_number("Please enter a number to choose a class");
    if (choice >= 0 && choice < static_cast<std::int64_t>(types.size()))
      return types[static_cast<std::size_t>(choice)];
    console.say("Invalid choice. Please try again.");
  }
}

void show_type(Console& console, const SampleType& type) {
  console.say(fmt::format("The sample type you selected: {}, with the fields", type.name));
  for (const SampleField& field : type.fields) {
    console.say(fmt::format("  {}: {}{}", field.name, field.type,
                            field.default_value.empty() ? "" : fmt::format(" = {}", field.default_value)));
  }
}

bool all_are_found(std::string_view expression, const std::vector<std::string>& found) {
  return std::ranges::all_of(parts_of_expression(expression), [&](const std::string& part) {
    return std::ranges::find(found, part) != found.end();
  });
}

// Empty for an optional field that is left out.
std::string ask_field(Console& console, const SampleField& field, const std::vector<std::string>& found) {
  const bool is_optional = !field.default_value.empty();
  const std::string question =
      fmt::format("Please enter a webdataset field name for '{}' ({}{}): ", field.name, field.type,
                  is_optional ? fmt::format(", default: {}", field.default_value) : "");
  for (;;) {
    std::string expression = console.ask_line(question);
    if (expression.empty() && is_optional) return expression;
    if (!expression.empty() && all_are_found(expression, found)) return expression;
    console.say("That type doesn't exist in the WebDataset. Please try again.");
  }
}

FieldMap ask_field_map(Console& console, const SampleType& type, const std::vector<std::string>& found) {
  console.say("\nFor each field, please specify the corresponding name in the WebDataset.");
  console.say(fmt::format("Available types in WebDataset: {}", fmt::join(found, ", ")));
  console.say("Leave empty for skipping optional field");
  console.say("You may also access json fields e.g. by setting the field to: json[field][field]");
  console.say("You may also specify alternative fields e.g. by setting to: jpg,png");
  console.say(fmt::format("Please enter the field_map for {}:", type.name));
  FieldMap map;
  for (const SampleField& field : type.fields) {
    std::string expression = ask_field(console, field, found);
    if (!expression.empty()) map.emplace_back(field.name, std::move(expression));
  }
  return map;
}

void show_parts(Console& console, const std::vector<std::string>& parts) {
  const auto shown = std::span(parts).first(std::min(parts.size(), kMostParts));
  console.say(fmt::format("Found the following part types in the dataset: {}{}", fmt::join(shown, ", "),
                          parts.size() > kMostParts ? " and more.." : ""));
}

DatasetDefinition ask_definition(Console& console, const IndexReport& report, IndexSettings& settings) {
  const SampleType& type = ask_type(console);
  DatasetDefinition definition{std::string(type.name)};
  if (type.name == kCrudeType) {
    console.say(
        "CrudeWebdataset does not need a field map. You will need to provide a `Cooker` for your dataset "
        "samples in your `TaskEncoder`.");
    console.say("Furthermore, you might want to add `subflavors` in your meta dataset specification.");
    return definition;
  }
  show_type(console, type);
  const bool may_map = report.extensions.size() <= kMostParts;
  if (!may_map) {
    console.say("You cannot set a field_map for this dataset. You will need a sample_loader.");
  } else if (console.confirm(
                 "Do you want to set a simple field_map[Y] (or write your own sample_loader [n])?", true)) {
    definition.field_map = ask_field_map(console, type, report.extensions);
  }
  std::error_code ignored;
  if (definition.needs_sample_loader() && fs::exists(settings.root / kSampleLoaderFile, ignored))
    settings.replace_sample_loader =
        console.confirm("Do you want to override the existing sample loader?", false);
  return definition;
}

void ask_dataset(Console& console, const IndexReport& report, IndexSettings& settings) {
  if (!console.confirm("Do you want to create a dataset.yaml interactively?", true)) {
    settings.dataset.reset();
    console.say("You will have to add a dataset.yaml manually.");
    return;
  }
  settings.dataset = ask_definition(console, report, settings);
}

}  // namespace

bool may_index(Console& console, const fs::path& root) {
  std::error_code ignored;
  if (!fs::exists(root / kInfoFile, ignored) && !fs::exists(root / kLegacyInfoFile, ignored)) return true;
  return console.confirm("It seems the dataset had already been prepared. Do you want to continue?", false);
}

IndexDialog make_dialog(Console& console, const OpenQuestions& open) {
  IndexDialog dialog;
  dialog.after_discovery = [&console, open](const Discovery& found, IndexSettings& settings) {
    if (found.shards.empty()) return;
    show_shards(console, found);
    if (open.splits) settings.split_ratio = ask_ratio(console);
  };
  dialog.after_indexing = [&console, open](const IndexReport& report, IndexSettings& settings) {
    console.say(preview_samples(settings.root, report.shards.front().name));
    show_parts(console, report.extensions);
    if (open.dataset) ask_dataset(console, report, settings);
  };
  return dialog;
}

}  // namespace dfm::data
