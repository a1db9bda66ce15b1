#include <string>

#include <gtest/gtest.h>

#include "report/crc32c.h"

namespace dfm::report {
namespace {

// The check value of the catalogue of parametrised CRC algorithms, CRC-32/ISCSI.
TEST(Crc32c, AgreesWithTheCatalogue) { EXPECT_EQ(crc32c("123456789"), 0xE3069283U); }

// RFC 3720, appendix B.4.
TEST(Crc32c, AgreesWithTheVectorsOfIscsi) {
  std::string ascending, descending;
  for (int i = 0; i < 32; ++i) ascending += static_cast<char>(i);
  for (int i = 31; i >= 0; --i) descending += static_cast<char>(i);
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8A9136AAU);
  EXPECT_EQ(crc32c(std::string(32, '\xFF')), 0x62A8AB43U);
  EXPECT_EQ(crc32c(ascending), 0x46DD794EU);
  EXPECT_EQ(crc32c(descending), 0x113FDB5CU);
}

TEST(Crc32c, OfNothingIsZero) { EXPECT_EQ(crc32c(""), 0U); }

// The length field of a record of 24 bytes, as it opens event files with the version "brain.Event:2".
TEST(Crc32c, MasksAsTensorBoardDoes) {
  const std::string length("\x18\0\0\0\0\0\0\0", 8);
  EXPECT_EQ(masked_crc32c(length), 0x224B7FA3U);
}

}  // namespace
}  // namespace dfm::report
