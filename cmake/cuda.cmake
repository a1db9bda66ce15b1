# The CUDA half: libdfm_cuda.so, loaded at start where a device is visible, so that one install serves machines with and
# without. It needs nvcc of LibTorch's CUDA version (to build, not to run) and the whole of LibTorch.
set(DFM_CUDA AUTO CACHE STRING "Build libdfm_cuda.so: ON, OFF, or AUTO, which builds it where nvcc 13 is found")
set_property(CACHE DFM_CUDA PROPERTY STRINGS AUTO ON OFF)
set(DFM_HAS_CUDA FALSE)
if(DFM_CUDA STREQUAL OFF OR DFM_SANITIZE OR DFM_FUZZ)
  return()
endif()

include(CheckLanguage)
if(NOT CMAKE_CUDA_COMPILER AND NOT DEFINED ENV{CUDACXX} AND EXISTS /usr/local/cuda/bin/nvcc)
  set(CMAKE_CUDA_COMPILER /usr/local/cuda/bin/nvcc)
endif()
check_language(CUDA)
if(NOT CMAKE_CUDA_COMPILER OR NOT EXISTS ${LIBTORCH}/lib/libtorch_cuda.so)
  if(DFM_CUDA STREQUAL ON)
    message(FATAL_ERROR "DFM_CUDA=ON needs nvcc and a LibTorch with libtorch_cuda.so; nvcc is '${CMAKE_CUDA_COMPILER}', LibTorch '${LIBTORCH}'")
  endif()
  message(STATUS "No nvcc or no libtorch_cuda.so: building without the CUDA half")
  return()
endif()
# Hopper with its own instructions.
set(CMAKE_CUDA_ARCHITECTURES 90a CACHE STRING "Kinds of GPU to make code for")
set(CMAKE_CUDA_STANDARD 17)
enable_language(CUDA)
find_package(CUDAToolkit REQUIRED)
find_path(NCCL_INCLUDE_DIR nccl.h HINTS ${CUDAToolkit_INCLUDE_DIRS} REQUIRED)
set(DFM_HAS_CUDA TRUE)

# libtorch_cuda.so asks for libraries that a machine without GPUs lacks; they are found when it is loaded.
add_library(torch_with_cuda INTERFACE)
target_link_libraries(torch_with_cuda INTERFACE torch_cpu_only
  -Wl,--no-as-needed ${LIBTORCH}/lib/libtorch_cuda.so ${LIBTORCH}/lib/libc10_cuda.so -Wl,--as-needed
  -Wl,--allow-shlib-undefined)
target_include_directories(torch_with_cuda SYSTEM INTERFACE ${CUDAToolkit_INCLUDE_DIRS} ${NCCL_INCLUDE_DIR})
