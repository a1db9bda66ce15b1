# dfm_library(NAME LINKS ...): src/NAME/**/*.cpp becomes the static library dfm::NAME.
# dfm_torch_library(NAME LINKS ...): the same for a layer above LibTorch, with the shared precompiled header.
function(dfm_library name)
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${name}/*.cpp)
  if(NOT sources)
    return()
  endif()
  add_library(libdfm_${name} STATIC ${sources})
  set_target_properties(libdfm_${name} PROPERTIES OUTPUT_NAME dfm_${name} EXPORT_NAME ${name})
  add_library(dfm::${name} ALIAS libdfm_${name})
  target_compile_features(libdfm_${name} PUBLIC cxx_std_20)
  target_include_directories(libdfm_${name} PUBLIC
    $<BUILD_INTERFACE:${CMAKE_CURRENT_SOURCE_DIR}> $<INSTALL_INTERFACE:${DFM_HEADERS}>)
  target_link_libraries(libdfm_${name} PUBLIC ${ARGN})
  if(torch_cpu_only IN_LIST ARGN)
    target_compile_definitions(libdfm_${name} INTERFACE $<INSTALL_INTERFACE:FMT_HEADER_ONLY>)
    install(TARGETS libdfm_${name} EXPORT dfmTorchTargets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
  else()
    set(DFM_LAYERS ${DFM_LAYERS} ${name} PARENT_SCOPE)
    install(TARGETS libdfm_${name} EXPORT dfmTargets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
  endif()
endfunction()

# LibTorch brings a {fmt} of its own among its headers, of another version than the system's library: above it, {fmt}
# is used header-only, as LibTorch does.
function(dfm_use_torch target)
  target_compile_definitions(${target} PRIVATE FMT_HEADER_ONLY)
  if(NOT target STREQUAL dfm_torch_header)
    target_precompile_headers(${target} REUSE_FROM dfm_torch_header)
  endif()
endfunction()

function(dfm_torch_library name)
  dfm_library(${name} ${ARGN} torch_cpu_only)
  if(TARGET libdfm_${name})
    dfm_use_torch(libdfm_${name})
  endif()
endfunction()
