#!/usr/bin/env bash
# The one place where Debian packages are named.
#
#   deploy/packages.sh GROUP...            installs what is missing of these groups (as root, else with sudo)
#   deploy/packages.sh --list GROUP...     prints the names
#
# Groups: build, run, test, windows. A script may also source this file and call packages_install.
set -euo pipefail

packages_of() {
    case $1 in
    build) # the two programs for Linux and their unit tests
        echo gcc libc6-dev cmake ninja-build pkg-config libuv1-dev libcjson-dev libcmocka-dev
        ;;
    run) # an NTFS volume to work on, and an independent reader of it
        echo ntfs-3g 7zip mount util-linux
        ;;
    test) # unit and system tests, sanitizers, fuzzers, foreign clients
        echo clang-14 libclang-rt-14-dev llvm-14 clang-format-14 clang-tidy-14 \
            python3 python3-jsonschema python3-yaml nodejs netcat-openbsd strace attr procps systemd
        ;;
    windows) # the cross build, its dependencies from source, and Wine to run it
        echo gcc-mingw-w64-x86-64-win32 binutils-mingw-w64-x86-64 dpkg-dev ca-certificates \
            debian-archive-keyring wine wine64 zip golang-go bsdutils wixl msitools faketime python3 python3-yaml
        # Foreign clients are Go and node.exe, which npm brings. Who has an npm that is not Debian's keeps it: both cannot be there.
        command -v npm >/dev/null || echo npm
        ;;
    *)
        echo "packages.sh: no group is called \"$1\"" >&2
        return 2
        ;;
    esac
}

packages_missing() {
    local group name state
    for group in "$@"; do
        for name in $(packages_of "$group"); do
            state=$(dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null || true)
            [ "$state" = installed ] || echo "$name"
        done
    done | sort -u
}

packages_try() { # a mirror that hiccups once is no reason to fail
    local attempt
    for attempt in 1 2 3; do
        "$@" </dev/null && return 0
        echo "packages.sh: attempt $attempt failed: $*" >&2
        sleep $((attempt * 3))
    done
    return 1
}

packages_install() {
    local missing elevate=()
    # A group that does not exist is a mistake of the caller, and must not end in a pipe's subshell.
    local group
    for group in "$@"; do
        packages_of "$group" >/dev/null
    done
    if ! command -v dpkg-query >/dev/null; then
        echo "packages.sh: this is no Debian system; install these by hand:" \
            "$(for group in "$@"; do packages_of "$group"; done)" >&2
        return 1
    fi
    mapfile -t missing < <(packages_missing "$@")
    [ "${#missing[@]}" -gt 0 ] || return 0
    if [ "$(id -u)" -ne 0 ]; then
        if ! command -v sudo >/dev/null; then
            echo "packages.sh: missing: ${missing[*]}" >&2
            echo "packages.sh: run this as root, or install them by hand" >&2
            return 1
        fi
        elevate=(sudo)
    fi
    echo "installing: ${missing[*]}"
    packages_try "${elevate[@]}" apt-get update -qq
    packages_try "${elevate[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq \
        --no-install-recommends -o Dpkg::Use-Pty=0 "${missing[@]}"
}

if [ "${BASH_SOURCE[0]}" = "$0" ]; then
    if [ "$#" -eq 0 ] || [ "$1" = --help ]; then
        sed -n '2,7s/^# \{0,1\}//p' "$0"
        exit 2
    fi
    if [ "$1" = --list ]; then
        shift
        for group in "$@"; do
            packages_of "$group"
        done
    else
        packages_install "$@"
    fi
fi
