# Sourced by the scripts beside it: the tools they need, their environments, and the package as
# built from this tree. Everything they keep lies in $CACHE, outside the repository.
# shellcheck shell=bash

set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
CACHE="${XDG_CACHE_HOME:-$HOME/.cache}/imx500-native"
PICAMERA2="picamera2==0.3.38"
MODLIB="modlib==1.5.0"
# The last with a tracker of its own.
SUPERVISION="supervision==0.29.1"

export PIP_DISABLE_PIP_VERSION_CHECK=1
export MYPY_CACHE_DIR="$CACHE/mypy" RUFF_CACHE_DIR="$CACHE/ruff"
export HYPOTHESIS_STORAGE_DIRECTORY="$CACHE/hypothesis"

say() { printf '\n== %s\n' "$*"; }

die() {
    printf 'scripts/%s: %s\n' "${0##*/}" "$*" >&2
    exit 1
}

refuse_option() {
    printf "scripts/%s: unknown option '%s'; see scripts/%s --help\n" "${0##*/}" "$1" "${0##*/}" >&2
    exit 2
}

# no_options HELP "$@": for a script whose only option is --help
no_options() {
    local help=$1
    shift
    case ${1:-} in
        '') ;;
        -h | --help) printf '%s\n' "$help" && exit 0 ;;
        *) refuse_option "$1" ;;
    esac
}

install_packages() {
    local root=()
    command -v apt-get >/dev/null ||
        die "needs what Debian calls: $* (no apt-get here to install it; do so by hand)"
    if [[ $(id -u) != 0 ]]; then
        command -v sudo >/dev/null && { sudo -n true 2>/dev/null || [[ -t 0 ]]; } ||
            die "needs Debian packages and may not install them; run: apt-get install $*"
        root=(sudo)
    fi
    say "installing $* (apt-get)"
    "${root[@]}" apt-get update -qq
    "${root[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -qq --no-install-recommends "$@" </dev/null >/dev/null
}

# A shim of pyenv's may stand in PATH for a Python that is not there: only running it tells.
is_modern_python() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

find_python() {
    local candidate
    for candidate in ${PYTHON:+"$PYTHON"} python3 python3.14 python3.13 python3.12 python3.11; do
        if is_modern_python "$candidate"; then
            PYTHON=$("$candidate" -c 'import sys; print(sys.executable)')
            return
        fi
    done
    return 1
}

python_version() { "$1" -c 'import sys; print("%d.%d.%d" % sys.version_info[:3])'; }

need_python() {
    local version packages=()
    if ! find_python; then
        install_packages python3 python3-venv python3-dev
        find_python || die "needs Python 3.11 or newer; set PYTHON to one"
    fi
    version=$(python_version "$PYTHON")
    "$PYTHON" -c 'import ensurepip, venv' 2>/dev/null || packages+=("python${version%.*}-venv")
    "$PYTHON" -c 'import os, sysconfig as s
raise SystemExit(not os.path.exists(os.path.join(s.get_path("include"), "Python.h")))' ||
        packages+=("python${version%.*}-dev")
    [[ ${#packages[@]} == 0 ]] || install_packages "${packages[@]}"
}

need_gcc() {
    printf '#include <stdlib.h>\n' | gcc -fsyntax-only -x c - 2>/dev/null ||
        install_packages gcc libc6-dev
}

links_fuzzer() {
    printf '#include <stddef.h>\nint LLVMFuzzerTestOneInput(const char *d, size_t n) { return !d && n; }\n' |
        clang -fsanitize=fuzzer,address,undefined -x c - -o /dev/null 2>/dev/null
}

need_clang() {
    command -v clang >/dev/null || install_packages clang
    links_fuzzer || install_packages "libclang-rt-$(clang -dumpversion | cut -d. -f1)-dev"
    links_fuzzer || die "clang cannot link -fsanitize=fuzzer,address,undefined"
}

need_libarchive() {
    "$PYTHON" -c 'import ctypes.util; raise SystemExit(not ctypes.util.find_library("archive"))' ||
        install_packages libarchive13
}

# The libcamera that the package is built for and the tests run on.
use_libcamera() {
    local exports
    exports=$("$ROOT/scripts/libcamera" --env)
    eval "$exports"
}

# Two runs must not change one environment at once. A script called by another finds the lock held
# by its caller, whose end frees it.
lock() {
    local handle
    [[ :${IMX500_LOCKS:-}: == *:"$1":* ]] && return
    exec {handle}>"$1.lock"
    flock -n "$handle" || { echo "waiting for another run to finish with $1" && flock "$handle"; }
    export IMX500_LOCKS="${IMX500_LOCKS:-}:$1"
}

# use_venv NAME BARE REQUIREMENTS...: makes or reuses an environment and sets VENV. BARE are
# packages to install without what they declare to need, most of which a peer's own module of
# interest never imports.
use_venv() {
    local name=$1 bare=$2 file version key files=()
    shift 2
    for file in "$@"; do files+=("$ROOT/scripts/requirements-$file.txt"); done
    version=$(python_version "$PYTHON")
    key=$({ echo "$PYTHON $version $bare" && cat "${files[@]}"; } | sha256sum | cut -c1-12)
    VENV="$CACHE/venv-$name-py${version%.*}-$key"
    mkdir -p "$CACHE"
    lock "$VENV"
    [[ -e $VENV/ready ]] && return
    say "making the environment $VENV"
    rm -rf "$VENV"
    "$PYTHON" -m venv "$VENV"
    "$VENV/bin/python" -m pip install -qq "${files[@]/#/--requirement=}"
    # shellcheck disable=SC2086 # one word per package
    [[ -z $bare ]] || "$VENV/bin/python" -m pip install -qq --no-deps $bare
    touch "$VENV/ready"
}

# What the package is made of, without what earlier builds left beside it.
package_files() {
    cd "$ROOT"
    find pyproject.toml setup.py LICENSE README.md src_c imx500_native -type f \
        ! -name '*.so' ! -path 'imx500_native/*.c' ! -path 'imx500_native/*.cpp' \
        ! -path '*/__pycache__/*' | LC_ALL=C sort
}

# Where the linters and the tests run, with every peer that they compare with.
use_test_venv() {
    use_venv test "$PICAMERA2 $MODLIB $SUPERVISION" build lint test picamera2 modlib supervision
}

# install_package [sanitize]: builds this tree, in a copy of it, and installs it into $VENV. A
# wheel of the same content is used again.
install_package() {
    local flavour=${1:-plain} key wheels copy
    key=$({
        echo "$flavour $VENV $(pkg-config --modversion --cflags libcamera 2>/dev/null)"
        gcc --version && cd "$ROOT" && package_files | xargs -d '\n' sha256sum
    } | sha256sum | cut -c1-16)
    [[ -e $VENV/package && $(<"$VENV/package") == "$key" ]] && return
    wheels="$CACHE/wheels/$key"
    if ! compgen -G "$wheels/*.whl" >/dev/null; then
        say "building the package ($flavour)"
        copy=$(mktemp -d)
        (cd "$ROOT" && package_files | tar -cf - -T -) | tar -xf - -C "$copy"
        IMX500_SANITIZE=$([[ $flavour == sanitize ]] && echo 1 || echo 0) \
            "$VENV/bin/python" -m pip wheel -qq --no-build-isolation --no-deps \
            --config-settings=--build-option=build_ext --config-settings=--build-option="-j$(nproc)" \
            --wheel-dir "$wheels.new" "$copy"
        rm -rf "$copy" "$wheels"
        mv "$wheels.new" "$wheels"
        # shellcheck disable=SC2012 # the names are hashes
        (cd "$CACHE/wheels" && ls -t | tail -n +9 | xargs -r rm -rf)
    fi
    "$VENV/bin/python" -m pip install -qq --no-deps --force-reinstall "$wheels"/*.whl
    echo "$key" >"$VENV/package"
}

# run_pytest ARGUMENTS...: PYTHONSAFEPATH keeps the working directory, and with it the sources, off
# sys.path for the tests and every Python that they start; tests/conftest.py holds it to that.
run_pytest() {
    cd "$ROOT"
    PYTHONSAFEPATH=1 IMX500_TEST_INSTALLED=1 \
        "$VENV/bin/python" -m pytest -o cache_dir="$CACHE/pytest" "$@"
}
