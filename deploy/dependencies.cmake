# The libraries, found the same way on Debian, in the mingw-w64 cross build (deploy/windows-deps.sh) and with vcpkg.
# Targets: junction::uv, junction::cjson, junction::cmocka.
find_package(Threads REQUIRED)
find_package(PkgConfig QUIET)

function(junction_find target package imported pkg header library)
  if(TARGET junction::${target})
    return()
  endif()
  find_package(${package} CONFIG QUIET)
  foreach(candidate IN LISTS imported)
    if(TARGET ${candidate})
      add_library(junction::${target} INTERFACE IMPORTED GLOBAL)
      set_property(TARGET junction::${target} PROPERTY INTERFACE_LINK_LIBRARIES ${candidate})
      return()
    endif()
  endforeach()
  # pkg-config in a cross build answers for the host.
  if(PkgConfig_FOUND AND NOT CMAKE_CROSSCOMPILING)
    pkg_check_modules(junction_${target} QUIET IMPORTED_TARGET GLOBAL ${pkg})
    if(junction_${target}_FOUND)
      add_library(junction::${target} INTERFACE IMPORTED GLOBAL)
      set_property(TARGET junction::${target} PROPERTY INTERFACE_LINK_LIBRARIES
                                                       PkgConfig::junction_${target})
      return()
    endif()
  endif()
  find_path(junction_${target}_INCLUDE ${header} REQUIRED)
  find_library(junction_${target}_LIBRARY NAMES ${library} REQUIRED)
  add_library(junction::${target} INTERFACE IMPORTED GLOBAL)
  set_property(TARGET junction::${target} PROPERTY INTERFACE_INCLUDE_DIRECTORIES
                                                   ${junction_${target}_INCLUDE})
  set_property(TARGET junction::${target} PROPERTY INTERFACE_LINK_LIBRARIES
                                                   ${junction_${target}_LIBRARY})
endfunction()

# libuv: the static library where there is one, so that the client starts as fast as it can.
find_path(junction_uv_INCLUDE uv.h)
find_library(junction_uv_STATIC NAMES uv_a libuv_a)
if(junction_uv_INCLUDE AND junction_uv_STATIC)
  add_library(junction::uv INTERFACE IMPORTED GLOBAL)
  set_property(TARGET junction::uv PROPERTY INTERFACE_INCLUDE_DIRECTORIES ${junction_uv_INCLUDE})
  set(junction_uv_SYSTEM Threads::Threads ${CMAKE_DL_LIBS})
  if(WIN32)
    set(junction_uv_SYSTEM psapi user32 advapi32 iphlpapi userenv ws2_32 dbghelp ole32 shell32)
  endif()
  set_property(TARGET junction::uv PROPERTY INTERFACE_LINK_LIBRARIES ${junction_uv_STATIC}
                                                                     ${junction_uv_SYSTEM})
else()
  junction_find(uv libuv "libuv::uv_a;libuv::uv" libuv uv.h "uv_a;uv")
endif()

# libuv 1.49 to 1.51 corrupt memory when reading is stopped and started again inside the read callback.
get_target_property(junction_uv_dirs junction::uv INTERFACE_INCLUDE_DIRECTORIES)
if(junction_uv_INCLUDE AND EXISTS ${junction_uv_INCLUDE}/uv/version.h)
  file(STRINGS ${junction_uv_INCLUDE}/uv/version.h junction_uv_minor
       REGEX "^#define UV_VERSION_MINOR +[0-9]+")
  string(REGEX REPLACE ".* ([0-9]+)$" "\\1" junction_uv_minor "${junction_uv_minor}")
  if(junction_uv_minor GREATER_EQUAL 49 AND junction_uv_minor LESS_EQUAL 51)
    message(FATAL_ERROR "libuv 1.${junction_uv_minor} has a memory fault in uv_read_stop/uv_read_start; "
                        "use 1.48 or older, or 1.52 or newer")
  endif()
endif()

junction_find(cjson cJSON cjson libcjson cjson/cJSON.h cjson)
if(WIN32)
  # Without it cJSON's header marks its functions for export and every program exports them.
  set_property(TARGET junction::cjson APPEND PROPERTY INTERFACE_COMPILE_DEFINITIONS CJSON_HIDE_SYMBOLS)
endif()
if(NOT JUNCTION_FUZZ)
  junction_find(cmocka cmocka "cmocka::cmocka" cmocka cmocka.h "cmocka-static;cmocka")
endif()
