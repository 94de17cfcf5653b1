#!/bin/sh
# Install the fonts of the renderer (Debian or Ubuntu, as root; npm and python3 with
# pip for the web fonts). The packages are named in src/lipiyana/rendering/fonts/font_packages.txt.
set -eu
here="$(cd "$(dirname "$0")" && pwd)"
packages="$here/../src/lipiyana/rendering/fonts/font_packages.txt"
folder="${1:-/usr/local/share/fonts/lipiyana}"

# shellcheck disable=SC2046  # one argument per package
DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
    $(grep '^[a-z]' "$packages")

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
# shellcheck disable=SC2046  # one argument per package
npm install --loglevel=error --no-audit --no-fund --ignore-scripts --prefix "$work" \
    $(grep '^@' "$packages")
python3 -m pip install --quiet --target "$work/python" fonttools brotli
PYTHONPATH="$work/python" python3 "$here/unpack_web_fonts.py" "$work/node_modules" "$folder"
