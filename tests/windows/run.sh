#!/usr/bin/env bash
# The Windows programs under Wine, part by part. Wine enforces no access control on pipes and has no reparse points, so nothing
# here proves that a caller is kept out, or that a junction is read; README.md tells what does.
#
#   tests/windows/run.sh [PART]...      after: cmake --build --preset windows; PART: `foreground` for test_foreground.sh
#
# The last line is `N passed, N failed, N skipped`.
set -euo pipefail
cd "$(dirname "$0")"

parts=("$@")
if [ "${#parts[@]}" -eq 0 ]; then
    for file in test_*.sh; do
        file=${file#test_}
        parts+=("${file%.sh}")
    done
fi
passed=0 failed=0 skipped=0
for part in "${parts[@]}"; do
    echo "== $part"
    begun=$SECONDS last=
    while IFS= read -r line; do
        last=$line
        [[ $line =~ ^[0-9]+\ passed, ]] || echo "$line"
    done < <("./test_$part.sh" 2>&1 || true)
    if [[ $last =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed,\ ([0-9]+)\ skipped$ ]]; then
        passed=$((passed + BASH_REMATCH[1]))
        failed=$((failed + BASH_REMATCH[2]))
        skipped=$((skipped + BASH_REMATCH[3]))
    else
        echo "FAILED   $part broke off"
        failed=$((failed + 1))
    fi
    echo "         $last ($((SECONDS - begun)) s)"
done
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
