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

# LibTorch: -DLIBTORCH=..., then the environment, then what tools/bootstrap unpacked. Its own CMake package insists on
# a CUDA toolkit; the two libraries that the CPU needs are linked by name instead.
set(LIBTORCH "$ENV{LIBTORCH}" CACHE PATH "Folder of LibTorch, with lib/ and include/")
if(NOT LIBTORCH)
  set(LIBTORCH ${CMAKE_SOURCE_DIR}/.deps/libtorch)
endif()
if(NOT EXISTS ${LIBTORCH}/include/ATen/ATen.h)
  message(FATAL_ERROR "LibTorch is not in '${LIBTORCH}': run tools/bootstrap, or give -DLIBTORCH=FOLDER")
endif()

add_library(torch_c10 SHARED IMPORTED)
set_target_properties(torch_c10 PROPERTIES
  IMPORTED_LOCATION ${LIBTORCH}/lib/libc10.so
  INTERFACE_INCLUDE_DIRECTORIES "${LIBTORCH}/include;${LIBTORCH}/include/torch/csrc/api/include")
add_library(torch_cpu SHARED IMPORTED)
set_target_properties(torch_cpu PROPERTIES
  IMPORTED_LOCATION ${LIBTORCH}/lib/libtorch_cpu.so
  INTERFACE_LINK_LIBRARIES torch_c10)
add_library(torch_cpu_only INTERFACE)
# libtorch_cpu.so asks for two CUDA libraries that lie beside it, or in the toolkit.
target_link_libraries(torch_cpu_only INTERFACE torch_cpu Threads::Threads -Wl,--allow-shlib-undefined)
# at::parallel_for is a template that runs in threads only where OpenMP is on; without it, it silently is a plain loop.
target_compile_options(torch_cpu_only INTERFACE -fopenmp)
target_link_options(torch_cpu_only INTERFACE -fopenmp)
