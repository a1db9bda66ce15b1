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
pkg_check_modules(XXHASH REQUIRED IMPORTED_TARGET libxxhash)
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
