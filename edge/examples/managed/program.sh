#!/bin/sh
# A program of the site's own, as small as can be: it "loads" the model that `current` leads to when it is told to, and says which.
#
#   cc-edge run --dir DIR --managed --activate "DIR/program.sh load" --probe "DIR/program.sh probe"
#
# A real one would load CC_MODEL/model.onnx (ONNX Runtime has a C interface), and answer a known image in `probe`. What it measures
# goes to the hub with `cc-edge` too: see docs/edge-protocol.md, "telemetry".
set -eu
loaded=${CC_LOADED:-$(dirname "$0")/loaded}

case ${1:?load or probe} in
load)
  test -s "$CC_MODEL/model.onnx"
  printf '%s %s\n' "$CC_VERSION" "$(wc -c <"$CC_MODEL/model.onnx")" >"$loaded.new"
  mv "$loaded.new" "$loaded" # whoever reads it meanwhile finds the one or the other
  ;;
probe)
  read -r version _ <"$loaded"
  if [ "$version" != "$CC_VERSION" ]; then
    echo "answers with $version still" >&2
    exit 1
  fi
  ;;
esac
