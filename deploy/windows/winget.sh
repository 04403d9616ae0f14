#!/usr/bin/env bash
# Fills the winget manifest for a package: build/windows/winget/*.yaml. Sign the package first: the manifest holds its hash.
#
#   deploy/windows/winget.sh --url URL [--identifier PUBLISHER.NAME] [--output DIR] PACKAGE.msi
#
# URL: where people will get exactly this file. Needs: deploy/packages.sh windows
set -euo pipefail
export LC_ALL=C.UTF-8
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)

usage() {
    sed -n '2,6s/^# \{0,1\}//p' "$0" >&2
    exit 2
}
complain() {
    echo "winget.sh: $1" >&2
    exit "${2:-1}"
}

url='' identifier=Junction.Junction output=$root/build/windows/winget package=''
while [ "$#" -gt 0 ]; do
    case $1 in
    --url | --identifier | --output)
        [ "$#" -ge 2 ] || complain "a value is missing behind $1" 2
        declare "${1#--}=$2"
        shift 2
        ;;
    -*) usage ;;
    *)
        [ -z "$package" ] || usage
        package=$1
        shift
        ;;
    esac
done
if [ -z "$package" ] || [ -z "$url" ]; then
    usage
fi
[ -f "$package" ] || complain "there is no $package"
# No character that would mean something in YAML.
[[ $url =~ ^https://[A-Za-z0-9._~/%+=\&?-]+$ ]] || complain "\"$url\" is no plain https address" 2
[[ $identifier =~ ^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)+$ ]] || complain "\"$identifier\" is no identifier: PUBLISHER.NAME" 2

command -v msiinfo >/dev/null || complain "msiinfo is missing: deploy/packages.sh windows"
properties=$(msiinfo export "$package" Property | tr -d '\r') || complain "$package is no package"
property() {
    local value
    value=$(awk -F '\t' -v name="$1" '$1 == name { print $2 }' <<<"$properties")
    [[ $value =~ $2 ]] || complain "$package: \"$value\" is no $1"
    printf '%s' "$value"
}
guid='^\{[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}\}$'
version=$(property ProductVersion '^[0-9]+\.[0-9]+\.[0-9]+$')
product=$(property ProductCode "$guid")
upgrade=$(property UpgradeCode "$guid")
hash=$(sha256sum "$package" | cut -d ' ' -f 1)

mkdir -p "$output"
rm -f "$output/$identifier".*yaml
for template in "$here"/winget/*.yaml; do
    name=$(basename "$template")
    # The manifest's file of the version has no word of its own in its name.
    if [ "$name" = version.yaml ]; then
        name=$identifier.yaml
    else
        name=$identifier.$name
    fi
    text=$(cat "$template")
    text=${text//@IDENTIFIER@/"$identifier"}
    text=${text//@VERSION@/"$version"}
    text=${text//@PRODUCT_CODE@/"$product"}
    text=${text//@UPGRADE_CODE@/"$upgrade"}
    text=${text//@URL@/"$url"}
    text=${text//@SHA256@/"${hash^^}"}
    printf '%s\n' "$text" >"$output/$name"
    echo "$output/$name"
done
