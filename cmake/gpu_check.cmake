# dfm-gpu-check, and what it runs beside the programs: in libexec, since it is not for calling. Tests of kernels, where they
# were built, are a part of it (tests/CMakeLists.txt).
add_executable(dfm_gpu_ceilings bin/dfm_gpu_ceilings.cpp)
target_link_libraries(dfm_gpu_ceilings PRIVATE dfm::nn)
dfm_use_torch(dfm_gpu_ceilings)
add_dependencies(programs dfm_gpu_ceilings)
if(DFM_HAS_CUDA)
  add_dependencies(programs dfm_cuda)
endif()
install(TARGETS dfm_gpu_ceilings DESTINATION libexec)
install(DIRECTORY ${CMAKE_SOURCE_DIR}/share/gpu_check DESTINATION ${DFM_SHARE} USE_SOURCE_PERMISSIONS)
file(RELATIVE_PATH from_bin_to_check /${CMAKE_INSTALL_BINDIR} /${DFM_SHARE}/gpu_check/dfm-gpu-check)
file(CREATE_LINK ${from_bin_to_check} ${CMAKE_BINARY_DIR}/package/dfm-gpu-check SYMBOLIC)
install(FILES ${CMAKE_BINARY_DIR}/package/dfm-gpu-check DESTINATION ${CMAKE_INSTALL_BINDIR})
