#include <cstdlib>

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/layers.h"
#include "support/errors.h"
#include "support/temporary_folder.h"

namespace dfm {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using testing::error_of;
using ::testing::HasSubstr;

Layer read(const std::string& content) {
  const testing::TemporaryFolder folder;
  testing::write_file(folder / "my.yaml", content);
  return read_yaml_file(folder / "my.yaml");
}

// "key=text" of each assignment.
std::vector<std::string> words(const std::string& content) {
  std::vector<std::string> found;
  for (const Assignment& assignment : read(content)) found.push_back(assignment.key + "=" + assignment.text);
  return found;
}

std::string refusal(const std::string& content) {
  const Error error = error_of([&] { read(content); });
  EXPECT_EQ(error.kind(), ExitCode::usage);
  EXPECT_THAT(error.what(), HasSubstr("my.yaml"));
  return error.what();
}

// Sets an environment variable for one test.
class Environment {
 public:
  Environment(const char* name, const char* value) : name_(name) { ::setenv(name, value, 1); }
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;
  ~Environment() { ::unsetenv(name_); }

 private:
  const char* name_;
};

TEST(YamlFile, NestedMapsBecomeDottedKeys) {
  EXPECT_THAT(words("seed: 1\ntrain:\n  steps: 2\n  inner: {a: 3}\nmodel: {b: 4}\n"),
              ElementsAre("seed=1", "train.steps=2", "train.inner.a=3", "model.b=4"));
}

TEST(YamlFile, AValueKnowsItsLine) {
  const Layer layer = read("# comment\ntrain:\n  a: 1\n\n  b: 2\n");
  EXPECT_EQ(layer.at(0).origin, "my.yaml:3");
  EXPECT_EQ(layer.at(1).origin, "my.yaml:5");
}

TEST(YamlFile, ListsBecomeArraysOfTexts) {
  EXPECT_THAT(words("sample:\n  prompts:\n    - a cat; a dog\n    - '\"quoted\"'\n    - 3\n  none: []\n"),
              ElementsAre(R"(sample.prompts=["a cat; a dog","\"quoted\"","3"])", "sample.none=[]"));
}

TEST(YamlFile, NullIsNullHoweverItIsWritten) {
  EXPECT_THAT(words("s:\n  a: null\n  b: ~\n  c:\n"), ElementsAre("s.a=null", "s.b=null", "s.c=null"));
}

TEST(YamlFile, AnEmptyFileIsAnEmptyLayer) {
  EXPECT_THAT(words(""), ElementsAre());
  EXPECT_THAT(words("# nothing\n"), ElementsAre());
}

TEST(YamlFile, AnchorsStandForTheirValue) {
  EXPECT_THAT(words("a: &size 8\nb: *size\nc: &map {x: 1}\nd: *map\n"),
              ElementsAre("a=8", "b=8", "c.x=1", "d.x=1"));
}

TEST(YamlFile, EnvironmentVariablesAreReplaced) {
  const Environment root("DFM_TEST_ROOT", "/data");
  EXPECT_THAT(
      words("a: ${oc.env:DFM_TEST_ROOT}/run/${oc.env:DFM_TEST_ROOT}\nb: ['${oc.env:DFM_TEST_ROOT}', x]\n"),
      ElementsAre("a=/data/run//data", R"(b=["/data","x"])"));
}

TEST(YamlFile, ADefaultIsTakenWhereTheVariableIsNotSet) {
  EXPECT_THAT(words("a: ${oc.env:DFM_TEST_UNSET,/scratch/a,b}\nb: ${oc.env:DFM_TEST_UNSET,}\n"),
              ElementsAre("a=/scratch/a,b", "b="));
}

TEST(YamlFile, ADefaultMayHoldAnotherVariable) {
  EXPECT_THAT(words("a: ${oc.env:DFM_TEST_UNSET,${oc.env:DFM_TEST_UNSET_TOO,x}}/y\n"), ElementsAre("a=x/y"));
  const Environment set("DFM_TEST_SET", "z");
  EXPECT_THAT(words("a: ${oc.env:DFM_TEST_SET,${oc.env:DFM_TEST_UNSET,x}}/y\n"), ElementsAre("a=z/y"));
}

TEST(YamlFile, AVariableThatNamesItselfIsTakenLiterally) {
  const Environment self("DFM_TEST_SELF", "${oc.env:DFM_TEST_SELF}");
  EXPECT_THAT(words("a: x${oc.env:DFM_TEST_SELF}\n"), ElementsAre("a=x${oc.env:DFM_TEST_SELF}"));
}

TEST(YamlFile, AVariableThatIsNotSetIsRefusedWithItsLine) {
  EXPECT_THAT(refusal("x: 1\na: ${oc.env:DFM_TEST_UNSET}\n"),
              AllOf(HasSubstr("my.yaml:2"), HasSubstr("DFM_TEST_UNSET")));
  EXPECT_THAT(refusal("a: ${oc.env:DFM_TEST_UNSET\n"), HasSubstr("no closing brace"));
}

TEST(YamlFile, DefaultsThatNeverEndAreRefused) {
  std::string text = "a: \"";
  for (int i = 0; i < 50'000; ++i) text += "${oc.env:U,";
  EXPECT_THAT(refusal(text + std::string(50'000, '}') + "\""), HasSubstr("nested too deeply"));
}

TEST(YamlFile, WhatIsNoMapIsRefused) {
  EXPECT_THAT(refusal("- a\n- b\n"), HasSubstr("not a map"));
  EXPECT_THAT(refusal("just text"), HasSubstr("not a map"));
}

TEST(YamlFile, BadTextIsNamedWithItsLine) {
  EXPECT_THAT(refusal("a: 1\nb: [1, 2\nc: 3\n"), HasSubstr("line"));
  EXPECT_THAT(refusal("a: *nowhere\n"), HasSubstr("line 1"));
  refusal("a: b: c\n");
  refusal("? [1, 2]\n: x\n");
  refusal("a: [[1], [2]]\n");
}

TEST(YamlFile, DeepNestingIsRefused) {
  refusal("a: " + std::string(500'000, '['));
  refusal(std::string(200'000, '{'));
  EXPECT_THAT(refusal("a: {a: {a: {a: {a: {a: {a: {a: {a: {a: 1}}}}}}}}}"), HasSubstr("nested too deeply"));
  std::string indented;
  for (int i = 0; i < 1000; ++i) indented += std::string(i, ' ') + "a:\n";
  refusal(indented);
}

TEST(YamlFile, AnAliasThatHoldsItselfIsRefused) {
  EXPECT_THAT(refusal("a: &a {b: *a}\n"), HasSubstr("nested too deeply"));
}

TEST(YamlFile, AliasesThatMultiplyMapsAreRefusedSoon) {
  std::string bomb = "a: &a {}\n";
  for (char name = 'b'; name <= 'g'; ++name) {
    bomb += fmt::format("{0}: &{0} {{", name);
    for (int i = 0; i < 30; ++i) bomb += fmt::format("k{}: *{}, ", i, static_cast<char>(name - 1));
    bomb += "}\n";
  }
  EXPECT_THAT(refusal(bomb), HasSubstr("too large"));
}

TEST(YamlFile, AliasesThatMultiplyTextAreRefusedSoon) {
  std::string bomb = "a: &a [" + std::string(500'000, 'x') + "]\n";
  for (int i = 0; i < 3000; ++i) bomb += fmt::format("k{}: *a\n", i);
  EXPECT_THAT(refusal(bomb), HasSubstr("too large"));
  bomb = "? " + std::string(300'000, 'k') + "\n: {";
  for (int i = 0; i < 3000; ++i) bomb += fmt::format("k{}: 1, ", i);
  EXPECT_THAT(refusal(bomb + "}"), HasSubstr("too large"));
}

TEST(YamlFile, ALargeFileIsRefused) {
  EXPECT_EQ(error_of([] { read(std::string(kLargestConfigFile + 1, '#')); }).kind(), ExitCode::data);
}

}  // namespace
}  // namespace dfm
