#include <limits>
#include <string>

#include <gtest/gtest.h>

#include "report/protobuf.h"

namespace dfm::report {
namespace {

// Vectors of protobuf.dev/programming-guides/encoding, unless said otherwise.

TEST(Protobuf, WritesAVarint) {
  ProtobufMessage message;
  message.add_integer(1, 150);
  EXPECT_EQ(message.bytes(), "\x08\x96\x01");
}

TEST(Protobuf, WritesAString) {
  ProtobufMessage message;
  message.add_bytes(2, "testing");
  EXPECT_EQ(message.bytes(), "\x12\x07testing");
}

TEST(Protobuf, WritesAMessageInsideAMessage) {
  ProtobufMessage inner, outer;
  inner.add_integer(1, 150);
  outer.add_bytes(3, inner.bytes());
  EXPECT_EQ(outer.bytes(), "\x1a\x03\x08\x96\x01");
}

TEST(Protobuf, WritesMinusTwoAsTenBytes) {
  ProtobufMessage message;
  message.add_integer(1, -2);
  EXPECT_EQ(message.bytes(), "\x08\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01");
}

// By the rule of the guide: seven bits a byte, lowest first.
TEST(Protobuf, WritesTheEndsOfTheIntegers) {
  ProtobufMessage zero, largest;
  zero.add_integer(1, 0);
  largest.add_integer(1, std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(zero.bytes(), std::string("\x08\0", 2));
  EXPECT_EQ(largest.bytes(), "\x08\xff\xff\xff\xff\xff\xff\xff\xff\x7f");
}

// IEEE 754: 1.0 is 0x3F800000 and 0x3FF0000000000000.
TEST(Protobuf, WritesFloatsLowestByteFirst) {
  ProtobufMessage message;
  message.add_float(2, 1.0F);
  message.add_double(1, 1.0);
  EXPECT_EQ(message.bytes(), std::string("\x15\x00\x00\x80\x3f\x09\x00\x00\x00\x00\x00\x00\xf0\x3f", 14));
}

TEST(Protobuf, WritesAFieldNumberOfTwoBytes) {
  ProtobufMessage message;
  message.add_integer(16, 1);
  EXPECT_EQ(message.bytes(), "\x80\x01\x01");
}

}  // namespace
}  // namespace dfm::report
