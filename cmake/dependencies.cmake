# Everything that is not ours. A site's own copies are found through CMAKE_PREFIX_PATH and LIBTORCH.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
find_package(MPI REQUIRED COMPONENTS CXX)
find_package(HDF5 REQUIRED COMPONENTS C)
find_package(Boost 1.70 REQUIRED COMPONENTS program_options)
find_package(LibArchive REQUIRED)
find_package(ZLIB REQUIRED)
find_package(fmt REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(yaml-cpp REQUIRED)
pkg_check_modules(SQLITE REQUIRED IMPORTED_TARGET sqlite3)
pkg_check_modules(SENTENCEPIECE REQUIRED IMPORTED_TARGET sentencepiece)
pkg_check_modules(XXHASH REQUIRED IMPORTED_TARGET libxxhash)
# Code for the vector unit at hand, chosen at run time and three times as fast; not in every build of the library.
include(CheckCXXSourceCompiles)
set(CMAKE_REQUIRED_LIBRARIES PkgConfig::XXHASH)
check_cxx_source_compiles("
  #include <xxh_x86dispatch.h>
  int main() { return XXH3_64bits_update_dispatch(nullptr, nullptr, 0); }" DFM_XXHASH_DISPATCH)
unset(CMAKE_REQUIRED_LIBRARIES)
pkg_check_modules(LIBAV REQUIRED IMPORTED_TARGET libavformat libavcodec libswscale libavutil)

# LibTorch: -DLIBTORCH=..., then the environment, then what tools/bootstrap unpacked.
set(LIBTORCH "$ENV{LIBTORCH}" CACHE PATH "Folder of LibTorch, with lib/ and include/")
if(NOT LIBTORCH)
  set(LIBTORCH ${CMAKE_SOURCE_DIR}/.deps/libtorch)
endif()
if(NOT EXISTS ${LIBTORCH}/include/ATen/ATen.h)
  message(FATAL_ERROR "LibTorch is not in '${LIBTORCH}': run tools/bootstrap, or give -DLIBTORCH=FOLDER")
endif()

include(torch_targets)
