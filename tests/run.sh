#!/usr/bin/env bash
# Installs what the tests need, builds everything and runs everything.
#
#   tests/run.sh              all stages
#   tests/run.sh STAGE...     some of them:
#       native clang asan tsan     build, unit tests
#       windows                    cross build, unit tests under Wine
#       wine                       the Windows programs, under Wine
#       system system-asan system-tsan   the programs on real NTFS volumes, with real users
#       fuzz                       each target for JUNCTION_FUZZ_SECONDS (10)
#       deploy format tidy
#
# Logs are in build/logs. The last line is `N passed, N failed, N skipped`; the exit is 0 when none failed.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
exec </dev/null
umask 022
export LC_ALL=C.UTF-8 PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"
logs=$root/build/logs
jobs=$(nproc)
seconds=${JUNCTION_FUZZ_SECONDS:-10}
mkdir -p "$logs"

all=(native clang asan tsan fuzz windows wine system system-asan system-tsan deploy format tidy)
stages=("$@")
[ "${#stages[@]}" -gt 0 ] || stages=("${all[@]}")
for stage in "${stages[@]}"; do
    if [[ " ${all[*]} " != *" $stage "* ]]; then
        sed -n '2,14s/^# \{0,1\}//p' "$0" >&2
        exit 2
    fi
done

# ThreadSanitizer of gcc 12 cannot live with more random address bits than 28.
steady=()
if [ "$(cat /proc/sys/vm/mmap_rnd_bits 2>/dev/null || echo 0)" -gt 28 ] && setarch -R true 2>/dev/null; then
    steady=(setarch -R)
fi
export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=1:abort_on_error=0}
export UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1}
export TSAN_OPTIONS=${TSAN_OPTIONS:-halt_on_error=1}

# ---- what the stages are made of; each prints into its log, the last line of which is a count ---------------------------

count() {
    printf '%d passed, %d failed, %d skipped\n' "$1" "$2" "$3"
}

configure_and_build() { # PRESET [BUILD-ARGUMENT]...
    local preset=$1
    shift
    # A build of another version of the tools, or of a moved tree, is done anew.
    cmake --preset "$preset" || { rm -rf "build/$preset" && cmake --preset "$preset"; } || return 1
    cmake --build --preset "$preset" -j "$jobs" "$@"
}

unit() { # PRESET [WRAPPER]...
    local preset=$1 status=0
    shift
    if ! configure_and_build "$preset"; then
        echo "the build failed"
        count 0 1 0
        return
    fi
    "$@" timeout -k 10 600 ctest --test-dir "build/$preset" -V -j "$jobs" --timeout 120 --no-tests=error \
        >"$logs/$preset-ctest.log" 2>&1 || status=$?
    cat "$logs/$preset-ctest.log"
    local counted
    counted=$(python3 tests/count_ctest.py "$logs/$preset-ctest.log")
    # ctest itself may fail (no tests, killed) without a test that did.
    if [ "$status" -ne 0 ] && [[ $counted == *" 0 failed,"* ]]; then
        echo "ctest ended with $status"
        counted=$(count 0 1 0)
    fi
    echo "$counted"
}

system() { # PRESET [WRAPPER]...
    local preset=$1 status=0
    shift
    if [ "$(id -u)" -ne 0 ]; then
        echo "SKIPPED  these tests mount volumes and work as other users: run this as root"
        count 0 0 1
        return
    fi
    if ! configure_and_build "$preset" --target junction junctiond; then
        echo "the build failed"
        count 0 1 0
        return
    fi
    "$@" timeout -k 10 900 python3 -u tests/system/run.py --build "build/$preset" \
        >"$logs/$preset-system.log" 2>&1 || status=$?
    cat "$logs/$preset-system.log"
    closing "$status" "$logs/$preset-system.log"
}

# A program that was to end with a count, and perhaps did not.
closing() { # STATUS LOG
    local last
    last=$(grep -aE '^[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$' "$2" | tail -n 1 || true)
    if [ -z "$last" ]; then
        echo "it ended with $1 and gave no count"
        count 0 1 0
    elif [ "$1" -ne 0 ] && [[ $last == *" 0 failed,"* ]]; then
        echo "it ended with $1 although no test failed"
        count 0 1 0
    else
        echo "$last"
    fi
}

fuzz_one() { # TARGET
    local name=${1##*/} status=0
    local thing=${name#fuzz_} corpus=$root/build/fuzz/corpus/${name#fuzz_}
    mkdir -p "$corpus" "$root/build/fuzz/artifacts"
    local seeds=()
    [ ! -d "$root/tests/fuzz/corpus/$thing" ] || seeds=("$root/tests/fuzz/corpus/$thing")
    # New inputs go into the first directory; the seeds in the tree stay as they are.
    timeout -k 10 $((seconds * 3 + 60)) "$1" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=1024 \
        -print_final_stats=1 -artifact_prefix="$root/build/fuzz/artifacts/$name-" "$corpus" "${seeds[@]}" \
        >"$logs/$name.log" 2>&1 || status=$?
    if [ "$status" -eq 0 ]; then
        echo "ok       $name ($(sed -n 's/^stat::number_of_executed_units: *//p' "$logs/$name.log") inputs)"
    else
        echo "FAILED   $name: exit $status"
        tail -n 40 "$logs/$name.log"
    fi
}

stage_native() {
    unit native
}
stage_clang() {
    unit clang
}
stage_asan() {
    unit asan
}
stage_tsan() {
    unit tsan "${steady[@]}"
}
stage_system() {
    system native
}
stage_system-asan() {
    system asan
}
stage_system-tsan() {
    system tsan "${steady[@]}"
}

stage_fuzz() {
    if ! configure_and_build fuzz; then
        echo "the build failed"
        count 0 1 0
        return
    fi
    export -f fuzz_one
    export root logs seconds
    local targets=()
    mapfile -t targets < <(find build/fuzz -maxdepth 1 -type f -executable -name 'fuzz_*' | sort)
    if [ "${#targets[@]}" -eq 0 ]; then
        echo "there are no fuzz targets"
        count 0 1 0
        return
    fi
    # shellcheck disable=SC2016 # expanded by the inner shell
    printf '%s\0' "${targets[@]}" | xargs -0 -n 1 -P "$jobs" bash -c 'fuzz_one "$PWD/$1"' fuzz |
        tee "$logs/fuzz-results.log"
    count "$(grep -c '^ok ' "$logs/fuzz-results.log" || true)" \
        "$((${#targets[@]} - $(grep -c '^ok ' "$logs/fuzz-results.log" || true)))" 0
}

stage_windows() {
    if ! deploy/windows-deps.sh || ! tests/windows/wine.sh --prepare; then
        count 0 1 0
        return
    fi
    unit windows
}

stage_wine() {
    local status=0
    if ! deploy/windows-deps.sh || ! configure_and_build windows --target junction junctiond; then
        echo "the build failed"
        count 0 1 0
        return
    fi
    timeout -k 10 1200 tests/windows/run.sh >"$logs/wine-results.log" 2>&1 || status=$?
    cat "$logs/wine-results.log"
    closing "$status" "$logs/wine-results.log"
}

stage_deploy() {
    local passed=0 failed=0 skipped=0 round
    judge() { # NAME COMMAND...
        local name=$1
        shift
        if "$@"; then
            echo "ok       $name"
            passed=$((passed + 1))
        else
            echo "FAILED   $name"
            failed=$((failed + 1))
        fi
    }
    if ! configure_and_build native --target junction junctiond; then
        echo "the build failed"
        count 0 1 0
        return
    fi
    if [ -c /dev/fuse ] && [ "$(id -u)" -eq 0 ]; then
        for round in 1 2; do
            judge "deploy/try.sh, round $round" timeout -k 10 300 deploy/try.sh
        done
    else
        echo "SKIPPED  deploy/try.sh: it needs root and /dev/fuse"
        skipped=$((skipped + 1))
    fi
    # A copy: the tree may belong to somebody whom the service does not trust.
    local place
    place=$(mktemp -d)
    cp deploy/linux/junction.json "$place"
    judge "the sample configuration is accepted" build/native/junctiond check-config "$place/junction.json"
    rm -rf "$place"
    if command -v systemd-analyze >/dev/null; then
        mkdir -p build/deploy
        sed "s|/usr/sbin/junctiond|$root/build/native/junctiond|" deploy/linux/junctiond.service \
            >build/deploy/junctiond.service
        judge "the systemd unit is accepted" systemd-analyze verify --man=no "$root/build/deploy/junctiond.service"
    else
        echo "SKIPPED  the systemd unit: there is no systemd-analyze"
        skipped=$((skipped + 1))
    fi
    local script
    for script in deploy/*.sh deploy/windows/*.sh tests/*.sh tests/windows/*.sh tests/windows/foreign/*.sh .ci/run; do
        judge "$script is a valid script" bash -n "$script"
    done
    count "$passed" "$failed" "$skipped"
}

our_sources() {
    find client protocol service tests -name '*.[ch]' | sort
}

stage_format() {
    local bad=0 file files=()
    mapfile -t files < <(our_sources)
    for file in "${files[@]}"; do
        clang-format-14 --dry-run -Werror "$file" || bad=$((bad + 1))
    done
    count $((${#files[@]} - bad)) "$bad" 0
}

# A file is looked at again when it, any header or the rules changed.
stage_tidy() {
    if ! cmake --preset native; then
        count 0 1 0
        return
    fi
    headers=$(find client protocol service -name '*.h' -print0 | sort -z | xargs -0 cat .clang-tidy |
        sha256sum | cut -c1-32)
    mkdir -p build/tidy
    local files=()
    mapfile -t files < <(find client protocol service -name '*.c' ! -name '*_win.c' | sort)
    export headers root
    # shellcheck disable=SC2016 # expanded by the inner shell
    printf '%s\0' "${files[@]}" | xargs -0 -n 1 -P "$jobs" bash -c '
        stamp=$root/build/tidy/$(sha256sum <"$1" | cut -c1-32)-$headers
        if [ -f "$stamp" ]; then
            echo "ok       $1"
        elif said=$(clang-tidy-14 --quiet -p build/native "$1" 2>/dev/null); then
            touch "$stamp"
            echo "ok       $1"
        else
            printf "FAILED   %s\n%s\n" "$1" "$said"
        fi' tidy | tee "$logs/tidy-results.log"
    local good
    good=$(grep -c '^ok ' "$logs/tidy-results.log" || true)
    count "$good" $((${#files[@]} - good)) 0
}

# ---- running them -----------------------------------------------------------------------------------------------------

begun=$SECONDS
groups=(build test)
for stage in "${stages[@]}"; do
    case $stage in
    windows | wine) [[ " ${groups[*]} " == *" windows "* ]] || groups+=(windows) ;;
    esac
done
# The unit tests of the engine need a volume, too.
groups+=(run)
echo "== packages: ${groups[*]}"
if ! deploy/packages.sh "${groups[@]}" >"$logs/packages.log" 2>&1; then
    tail -n 20 "$logs/packages.log"
    echo "packages could not be installed; going on with what is there"
fi

total_passed=0 total_failed=0 total_skipped=0
lines=()

run_stage() { # STAGE, into its log; the seconds that it took behind the count
    local start=$SECONDS
    # In a subshell of its own: whatever goes wrong there ends that stage only.
    (set +e; "stage_$1") >"$logs/$1.log" 2>&1 || echo "the stage broke off" >>"$logs/$1.log"
    echo $((SECONDS - start)) >"$logs/$1.seconds"
}

# What a reader who has only the output needs: each failure with what was said about it.
failures() { # LOG
    grep -av 'following tests FAILED' "$1" | awk '
        /^==========+$/ { told = 1 }                      # a failed system test, with its trace
        /^Ran [0-9]+ tests? in / { told = 0 }
        /^FAILED / { print; next }                   # ours, and the lines behind it
        /^ +\| / { print; next }
        told || /FAIL:|ERROR:|error:|Sanitizer|\*\*\*|\[ +(ERROR|LINE|FAILED) +\]/'
}

report() { # STAGE
    local stage=$1 log=$logs/$1.log result passed=0 failed=1 skipped=0 line
    result=$(tail -n 1 "$log")
    if [[ $result =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed,\ ([0-9]+)\ skipped$ ]]; then
        passed=${BASH_REMATCH[1]} failed=${BASH_REMATCH[2]} skipped=${BASH_REMATCH[3]}
    fi
    line=$(printf '%-12s %5d passed %4d failed %4d skipped %5d s' "$stage" "$passed" "$failed" "$skipped" \
        "$(cat "$logs/$stage.seconds")")
    echo "   $line"
    if [ "$failed" -ne 0 ]; then
        failures "$log" | cut -c1-600 | head -n 120 | sed 's/^/   | /' || true
        echo "   | all of it: build/logs/$stage.log"
    fi
    if [ "$skipped" -ne 0 ]; then
        grep -aE 'SKIPPED|skipped ' "$log" | sort | uniq -c | sort -rn | head -n 10 | sed 's/^/   | /' || true
    fi
    lines+=("$line")
    total_passed=$((total_passed + passed))
    total_failed=$((total_failed + failed))
    total_skipped=$((total_skipped + skipped))
}

# The Windows programs wait for Wine most of the time: the other stages go on beside them.
beside=
for stage in "${stages[@]}"; do
    echo "== $stage"
    if [ "$stage" = wine ] && [ "${#stages[@]}" -gt 1 ]; then
        run_stage wine &
        beside=$!
        continue
    fi
    run_stage "$stage"
    report "$stage"
done
if [ -n "$beside" ]; then
    wait "$beside" || true
    echo "== wine, beside the others"
    report wine
fi

printf '\n== summary (%d s)\n' $((SECONDS - begun))
printf '%s\n' "${lines[@]}"
count "$total_passed" "$total_failed" "$total_skipped"
[ "$total_failed" -eq 0 ]
