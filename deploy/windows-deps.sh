#!/usr/bin/env bash
# Builds libuv, cJSON and cmocka for Windows with mingw-w64, from Debian's source packages (security fixes included,
# signatures checked by apt), into build/deps/windows. Does nothing when that was done before.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
deps=$root/build/deps
prefix=$deps/windows
work=$deps/src
apt=$deps/apt
compiler=x86_64-w64-mingw32-gcc

if ! command -v "$compiler" >/dev/null; then
    echo "windows-deps.sh: $compiler is missing: deploy/packages.sh windows" >&2
    exit 1
fi
# The stamp holds what the result depends on first, and then what was built.
recipe="recipe $(cat "$0" deploy/windows-toolchain.cmake | sha256sum | cut -c1-32)"
recipe+=" $compiler $("$compiler" -dumpfullversion)"
if [ -f "$prefix/stamp" ] && [ "$(head -n 1 "$prefix/stamp")" = "$recipe" ]; then
    echo "build/deps/windows is up to date: $(tail -n +2 "$prefix/stamp" | paste -sd ' ')"
    exit 0
fi

for tool in dpkg-source cmake ninja apt-get; do
    if ! command -v "$tool" >/dev/null; then
        echo "windows-deps.sh: $tool is missing: deploy/packages.sh build windows" >&2
        exit 1
    fi
done

# A private list of source repositories, made from the machine's own entries for Debian's archive; the system's files stay as
# they are. An entry counts when it offers `main` of this release below a directory named debian or debian-security, which
# leaves third parties out.
sources_write() {
    local codename
    codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
    rm -rf "$apt"
    mkdir -p "$apt/parts" "$apt/lists/partial" "$apt/cache/archives/partial"
    local keyring=/usr/share/keyrings/debian-archive-keyring.gpg
    [ -f "$keyring" ] || keyring=
    local file
    for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
        if [ -f "$file" ]; then
            cat "$file"
            echo
        fi
    done | awk -v codename="$codename" -v keyring="$keyring" '
        $1 != "deb" && $1 != "deb-src" { next }
        {
            sub(/#.*/, "")
            options = ""
            rest = $0
            sub(/^[ \t]*deb(-src)?[ \t]+/, "", rest)
            if (match(rest, /^\[[^]]*\][ \t]*/)) {
                options = substr(rest, 1, RLENGTH)
                rest = substr(rest, RLENGTH + 1)
                sub(/[ \t]*$/, " ", options)
            }
            fields = split(rest, field, /[ \t]+/)
            if (fields < 3 || !archive(field[1]) || !release(field[2]) || !main(rest, 3))
                next
            if (options !~ /signed-by=/ && keyring != "")
                options = "[signed-by=" keyring "] "
            line = "deb-src " options field[1] " " field[2] " main"
            if (!(line in seen))
                print line
            seen[line] = 1
        }
        function archive(uri) { return uri !~ /^cdrom:/ && uri ~ /\/debian(-security)?(\.list)?(\/|$)/ }
        function release(suite) {
            sub(/\/.*/, "", suite)
            sub(/-(updates|security|proposed-updates)$/, "", suite)
            return suite == codename || suite == "stable" || suite == "oldstable"
        }
        function main(text, from,   words, word, i) {
            words = split(text, word, /[ \t]+/)
            for (i = from; i <= words; i++)
                if (word[i] == "main")
                    return 1
            return 0
        }' >"$apt/parts/debian.list"
    for file in /etc/apt/sources.list.d/*.sources; do
        if [ -f "$file" ]; then
            sed '/^#/d' "$file"
            echo
        fi
    done | awk -v codename="$codename" -v keyring="$keyring" '
        BEGIN { RS = ""; FS = "\n" }
        {
            kept = ""; uris = ""; suites = ""; components = ""; types = ""; signed = 0; enabled = 1; name = ""
            for (i = 1; i <= NF; i++) {
                if ($i ~ /^[ \t]/) {                      # goes on with the field above it
                    value = $i
                    line = $i
                } else {
                    name = tolower(substr($i, 1, index($i, ":") - 1))
                    value = substr($i, index($i, ":") + 1)
                    line = $i
                }
                if (name == "uris") uris = uris " " value
                else if (name == "suites") suites = suites " " value
                else if (name == "components") components = components " " value
                else if (name == "types") types = types " " value
                else if (name == "enabled") { if (tolower(value) ~ /no|false|off|0/) enabled = 0 }
                else if (name == "signed-by") { signed = 1; kept = kept line "\n" }
                else if (name == "trusted" || name ~ /^check-/) kept = kept line "\n"
            }
            if (!enabled || types !~ /deb/ || (" " components " ") !~ /[ \t]main[ \t]/)
                next
            places = ""
            count = split(uris, uri, /[ \t]+/)
            for (i = 1; i <= count; i++)
                if (uri[i] !~ /^cdrom:/ && uri[i] ~ /\/debian(-security)?(\.list)?(\/|$)/)
                    places = places " " uri[i]
            wanted = ""
            count = split(suites, suite, /[ \t]+/)
            for (i = 1; i <= count; i++) {
                plain = suite[i]
                sub(/\/.*/, "", plain)
                sub(/-(updates|security|proposed-updates)$/, "", plain)
                if (plain != "" && (plain == codename || plain == "stable" || plain == "oldstable"))
                    wanted = wanted " " suite[i]
            }
            if (places == "" || wanted == "")
                next
            printf "Types: deb-src\nURIs:%s\nSuites:%s\nComponents: main\n", places, wanted
            if (!signed && keyring != "")
                printf "Signed-By: %s\n", keyring
            printf "%s\n", kept
        }' >"$apt/parts/debian.sources"
    if [ ! -s "$apt/parts/debian.list" ] && [ ! -s "$apt/parts/debian.sources" ]; then
        echo "windows-deps.sh: this machine's apt sources name no Debian archive to take source packages from" >&2
        return 1
    fi
}

apt_private() {
    apt-get -qq -o Dir::Etc::sourcelist=/dev/null -o Dir::Etc::sourceparts="$apt/parts" \
        -o Dir::State::Lists="$apt/lists" -o Dir::Cache="$apt/cache" -o APT::Sandbox::User=root \
        -o Acquire::Languages=none -o Acquire::Retries=3 "$@" </dev/null
}

sources_write
echo "fetching the list of source packages"
apt_private update
rm -rf "$work" "$prefix.new"
mkdir -p "$work" "$prefix.new"
(cd "$work" && apt_private source --only-source --download-only libuv1 cjson cmocka)

build() { # DIRECTORY OPTION...
    local name=$1
    shift
    local log=$work/$name.log
    dpkg-source -q --extract "$work/$name"_*.dsc "$work/$name" >"$log" 2>&1 || { cat "$log" >&2; return 1; }
    echo "building $name"
    {
        cmake -S "$work/$name" -B "$work/$name-build" -G Ninja \
            -DCMAKE_TOOLCHAIN_FILE="$root/deploy/windows-toolchain.cmake" -DCMAKE_BUILD_TYPE=MinSizeRel \
            -DCMAKE_C_FLAGS="-D_WIN32_WINNT=0x0A00" \
            -DCMAKE_INSTALL_PREFIX="$prefix.new" -DCMAKE_INSTALL_LIBDIR=lib -DBUILD_SHARED_LIBS=OFF \
            -DCMAKE_POLICY_VERSION_MINIMUM=3.5 "$@" &&
            cmake --build "$work/$name-build" &&
            cmake --install "$work/$name-build"
    } >>"$log" 2>&1 </dev/null || { tail -n 40 "$log" >&2; return 1; }
    # Some install rules name the shared variant only.
    find "$work/$name-build" -name '*.a' ! -name '*.dll.a' ! -path '*/CMakeFiles/*' \
        -exec cp {} "$prefix.new/lib/" \;
}

mkdir -p "$prefix.new/lib"
build libuv1 -DBUILD_TESTING=OFF -DLIBUV_BUILD_SHARED=OFF
build cjson -DENABLE_CJSON_TEST=OFF -DENABLE_CJSON_UTILS=OFF -DENABLE_CUSTOM_COMPILER_FLAGS=OFF \
    -DENABLE_PUBLIC_SYMBOLS=OFF -DENABLE_HIDDEN_SYMBOLS=ON
build cmocka -DWITH_STATIC_LIB=ON -DWITH_EXAMPLES=OFF -DUNIT_TESTING=OFF

# Only the static libraries are wanted; and the package files name shared ones, or places that are gone in a moment.
rm -rf "$prefix.new/bin" "$prefix.new"/lib/*.dll.a "$prefix.new/lib/pkgconfig" "$prefix.new/lib/cmake"
for wanted in include/uv.h include/cjson/cJSON.h include/cmocka.h; do
    if [ ! -f "$prefix.new/$wanted" ]; then
        echo "windows-deps.sh: the build left no $wanted" >&2
        exit 1
    fi
done
{
    echo "$recipe"
    for dsc in "$work"/*.dsc; do
        basename "$dsc" .dsc
    done
} >"$prefix.new/stamp"
rm -rf "$prefix"
mv "$prefix.new" "$prefix"
echo "built into build/deps/windows: $(tail -n +2 "$prefix/stamp" | paste -sd ' ')"
