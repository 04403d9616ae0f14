# What a program for Windows carries besides its code: version, manifest, and the texts of its events.
# Elsewhere nothing.
if(WIN32)
  enable_language(RC)
  if(MSVC)
    # Visual Studio's generators need no developer prompt, so PATH may not lead to the tools of the Windows SDK.
    set(sdk "[HKEY_LOCAL_MACHINE/SOFTWARE/Microsoft/Windows Kits/Installed Roots;KitsRoot10]/bin")
    find_program(JUNCTION_MESSAGE_COMPILER NAMES mc REGISTRY_VIEW BOTH
                 PATHS "${sdk}/${CMAKE_VS_WINDOWS_TARGET_PLATFORM_VERSION}/x64" "${sdk}/x64")
  endif()
  find_program(JUNCTION_MESSAGE_COMPILER NAMES x86_64-w64-mingw32-windmc windmc mc REQUIRED)
endif()

# Makes NAME.h, NAME.rc and what that includes, from a message file, in the current binary directory.
function(junction_messages source name)
  set(out ${CMAKE_CURRENT_BINARY_DIR})
  cmake_path(GET source STEM stem)
  add_custom_command(
    OUTPUT ${out}/${name}.h ${out}/${name}.rc ${out}/MSG00409.bin
    COMMAND ${JUNCTION_MESSAGE_COMPILER} -h ${out} -r ${out} ${CMAKE_CURRENT_SOURCE_DIR}/${source}
    COMMAND ${CMAKE_COMMAND} -E rename ${out}/${stem}.h ${out}/${name}.h
    COMMAND ${CMAKE_COMMAND} -E rename ${out}/${stem}.rc ${out}/${name}.rc
    DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${source}
    VERBATIM)
endfunction()

# Gives a program its version and manifest; further resource files may follow.
function(junction_resources target description)
  if(NOT WIN32)
    return()
  endif()
  set(out ${CMAKE_CURRENT_BINARY_DIR}/${target}_resources)
  set(junction_target ${target})
  set(junction_description ${description})
  set(junction_version ${PROJECT_VERSION})
  set(junction_version_commas ${PROJECT_VERSION_MAJOR},${PROJECT_VERSION_MINOR},${PROJECT_VERSION_PATCH},0)
  configure_file(${PROJECT_SOURCE_DIR}/deploy/windows/program.manifest.in ${out}/program.manifest @ONLY)
  configure_file(${PROJECT_SOURCE_DIR}/deploy/windows/program.rc.in ${out}/program.rc @ONLY)
  target_sources(${target} PRIVATE ${out}/program.rc ${ARGN})
  set_source_files_properties(${out}/program.rc PROPERTIES OBJECT_DEPENDS ${out}/program.manifest)
  if(MSVC)
    # The manifest is in the resources; the linker must not add another. What the program is linked with comes from System32 only,
    # not from beside it: it is loaded before main could say so.
    target_link_options(${target} PRIVATE /MANIFEST:NO /DEPENDENTLOADFLAG:0x800)
  endif()
endfunction()
