#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "ckpt/manifest.h"
#include "core/hash.h"
#include "core/json.h"
#include "support/errors.h"
#include "support/temporary_folder.h"

namespace dfm::ckpt {
namespace {

using ::testing::AllOf;
using testing::error_of;
using ::testing::HasSubstr;
using testing::TemporaryFolder;

Manifest sample() {
  Manifest manifest;
  manifest.step = 1000;
  manifest.consumed_samples = std::int64_t{1} << 40;
  manifest.ranks = 2;
  manifest.seconds_trained = 1234.56789;
  manifest.saved_at = "2025-01-31T12:00:00Z";
  manifest.data_fingerprint = "0123456789abcdef";
  manifest.bad_samples = {"shard-1/cat", "caf\xc3\xa9 \"quoted\"\n"};
  manifest.quarantine = {3, 1000000007};
  manifest.config = {{"optimizer.lr", "0.0001"}, {"sample.prompts", R"(["a \"b\""])"}};
  manifest.files = {{"rank_00000.h5", 17, "00000000000000ab"}, {"rank_00001.h5", ~0ULL, "ffffffffffffffff"}};
  return manifest;
}

Manifest read(const std::string& text) {
  const TemporaryFolder folder;
  testing::write_file(folder / kManifestName, text);
  return read_manifest(folder.path());
}

// The text of a manifest whose content was changed, with the checksum that fits.
template <class Change>
std::string changed(Change&& change) {
  Json whole = Json::parse(to_text(sample()));
  change(whole["checkpoint"]);
  whole["xxh3"] = hex(hash64(whole["checkpoint"].dump()));
  return whole.dump();
}

bool same(const Manifest& a, const Manifest& b) { return to_text(a) == to_text(b); }

TEST(Manifest, EveryFieldComesBack) {
  const Manifest manifest = read(to_text(sample()));
  EXPECT_EQ(manifest.step, 1000);
  EXPECT_EQ(manifest.consumed_samples, std::int64_t{1} << 40);
  EXPECT_EQ(manifest.ranks, 2);
  EXPECT_EQ(manifest.seconds_trained, 1234.56789);
  EXPECT_EQ(manifest.saved_at, sample().saved_at);
  EXPECT_EQ(manifest.data_fingerprint, sample().data_fingerprint);
  EXPECT_EQ(manifest.bad_samples, sample().bad_samples);
  EXPECT_EQ(manifest.quarantine, sample().quarantine);
  EXPECT_EQ(manifest.config, sample().config);
  ASSERT_EQ(manifest.files.size(), 2U);
  EXPECT_EQ(manifest.files[1].name, "rank_00001.h5");
  EXPECT_EQ(manifest.files[1].size_bytes, ~0ULL);
  EXPECT_EQ(manifest.files[1].xxh3, "ffffffffffffffff");
}

TEST(Manifest, AnUnchangedManifestOfTheseTestsIsAccepted) {
  EXPECT_TRUE(same(read(changed([](Json&) {})), sample()));
}

TEST(Manifest, AFlippedBitIsDetectedOrChangesNothing) {
  const std::string text = to_text(sample());
  for (std::size_t bit = 0; bit < 8 * text.size(); ++bit) {
    std::string damaged = text;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << bit % 8));
    try {
      ASSERT_TRUE(same(read(damaged), sample())) << "bit " << bit;
    } catch (const Error& error) {
      ASSERT_EQ(error.kind(), ExitCode::data) << error.what();
    }
  }
}

TEST(Manifest, EveryTruncationIsDetected) {
  const std::string text = to_text(sample());
  for (std::size_t length = 0; length + 1 < text.size(); ++length) {  // the last byte is a line end
    EXPECT_EQ(error_of([&] { read(text.substr(0, length)); }).kind(), ExitCode::data) << length;
  }
}

TEST(Manifest, DamageNamesTheFileOnce) {
  const std::string message = error_of([] { read("{"); }).what();
  EXPECT_THAT(message, HasSubstr("manifest.json is not JSON"));
  EXPECT_EQ(message.find(kManifestName), message.rfind(kManifestName));
  EXPECT_THAT(error_of([] { read(R"({"checkpoint":{},"xxh3":"0"})"); }).what(),
              AllOf(HasSubstr("manifest.json"), HasSubstr("checksum does not fit")));
}

TEST(Manifest, AnotherFormatVersionIsRefusedWithBothVersions) {
  const Error error = error_of([] { read(changed([](Json& body) { body["format"] = 2; })); });
  EXPECT_EQ(error.kind(), ExitCode::data);
  EXPECT_THAT(error.what(), AllOf(HasSubstr("format version 2"), HasSubstr("reads 1")));
}

TEST(Manifest, FileNamesOutsideTheFolderAreRefused) {
  for (const char* const name : {"", ".", "..", "../rank_00000.h5", "/etc/passwd", "a/b", ".hidden"}) {
    const Error error =
        error_of([&] { read(changed([&](Json& body) { body["files"][0]["name"] = name; })); });
    EXPECT_EQ(error.kind(), ExitCode::data);
    EXPECT_THAT(error.what(), HasSubstr(fmt::format("'{}'", name)));
  }
}

TEST(Manifest, MissingFieldsAndWrongTypesAreRefused) {
  const Json manifest = Json::parse(to_text(sample()));
  for (const auto& [name, value] : manifest.at("checkpoint").items()) {
    EXPECT_EQ(error_of([&] { read(changed([&](Json& body) { body.erase(name); })); }).kind(), ExitCode::data)
        << name;
    EXPECT_EQ(error_of([&] {
                read(changed([&](Json& body) { body[name] = Json::array({Json::array()}); }));
              }).kind(),
              ExitCode::data)
        << name;
  }
  for (const auto& [name, value] : manifest.at("checkpoint").at("files").at(0).items()) {
    EXPECT_EQ(error_of([&] { read(changed([&](Json& body) { body["files"][0].erase(name); })); }).kind(),
              ExitCode::data)
        << name;
  }
  for (const char* const text : {"[]", "3", "null", "{}", R"({"checkpoint":[],"xxh3":""})"}) {
    EXPECT_EQ(error_of([&] { read(text); }).kind(), ExitCode::data) << text;
  }
}

TEST(Manifest, APathThatIsNotUtf8DoesNotStopASave) {
  Manifest manifest = sample();
  manifest.config["checkpoint.save"] = "caf\xe9";
  EXPECT_EQ(read(to_text(manifest)).config.at("checkpoint.save"), "caf\xEF\xBF\xBD");
}

TEST(Manifest, WhatIsNotThereIsAStorageError) {
  const TemporaryFolder folder;
  EXPECT_EQ(error_of([&] { read_manifest(folder.path()); }).kind(), ExitCode::storage);
}

}  // namespace
}  // namespace dfm::ckpt
