# LibTorch in the folder LIBTORCH as the target torch_cpu_only. Its own CMake package insists on a CUDA toolkit; the two
# libraries that the CPU needs are linked by name instead. Installed with the CMake package, which includes it as well.
if(TARGET torch_cpu_only)
  return()
endif()
add_library(torch_c10 SHARED IMPORTED)
set_target_properties(torch_c10 PROPERTIES
  IMPORTED_LOCATION ${LIBTORCH}/lib/libc10.so
  INTERFACE_INCLUDE_DIRECTORIES "${LIBTORCH}/include;${LIBTORCH}/include/torch/csrc/api/include")
add_library(torch_cpu SHARED IMPORTED)
set_target_properties(torch_cpu PROPERTIES
  IMPORTED_LOCATION ${LIBTORCH}/lib/libtorch_cpu.so
  INTERFACE_LINK_LIBRARIES torch_c10)
add_library(torch_cpu_only INTERFACE IMPORTED)
# libtorch_cpu.so asks for two CUDA libraries that lie beside it, or in the toolkit.
target_link_libraries(torch_cpu_only INTERFACE torch_cpu Threads::Threads -Wl,--allow-shlib-undefined)
# at::parallel_for is a template that runs in threads only where OpenMP is on; without it, it silently is a plain loop.
target_compile_options(torch_cpu_only INTERFACE -fopenmp)
target_link_options(torch_cpu_only INTERFACE -fopenmp)
