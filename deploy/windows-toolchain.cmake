# Cross build with Debian's mingw-w64. The libraries come from deploy/windows-deps.sh.
set(CMAKE_SYSTEM_NAME Windows)
set(CMAKE_SYSTEM_PROCESSOR x86_64)
set(CMAKE_C_COMPILER x86_64-w64-mingw32-gcc)
set(CMAKE_RC_COMPILER x86_64-w64-mingw32-windres)

cmake_path(SET junction_windows_deps NORMALIZE "${CMAKE_CURRENT_LIST_DIR}/../build/deps/windows")
set(CMAKE_FIND_ROOT_PATH "${junction_windows_deps}" /usr/x86_64-w64-mingw32)
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)

# ctest runs the unit tests through it.
cmake_path(SET junction_wine NORMALIZE "${CMAKE_CURRENT_LIST_DIR}/../tests/windows/wine.sh")
set(CMAKE_CROSSCOMPILING_EMULATOR "${junction_wine}")
