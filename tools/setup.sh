#!/bin/sh
# Make .venv ready: find a Python, install the pinned uv into .tools, sync the lock, check system libraries.
#
#   tools/setup.sh [GROUP]     GROUP is a further dependency group, such as bench
#
# Does nothing where everything is in place: .venv/.setup holds what the environment was made from.
# PYTHON=/path/to/python3 chooses the interpreter. Needs a shell, a Python >= 3.11 with venv, and a package index.
set -eu
cd "$(dirname "$0")/.."
group=${1:-}

fail() {
    printf '\nsetup: %s\n' "$1" >&2
    shift
    for line in "$@"; do printf '       %s\n' "$line" >&2; done
    exit 2
}

# Prints the path of the real interpreter behind a name (a pyenv shim, a link, a virtual environment), or
# says why it will not do. Written so that any Python since 2.7 can run it.
probe='
import sys
version = ".".join(map(str, sys.version_info[:3]))
if sys.version_info < (3, 11):
    print("is Python " + version); sys.exit(3)
if sys.implementation.name != "cpython":
    print("is " + sys.implementation.name); sys.exit(3)
for module in ("venv", "ensurepip", "ssl", "ctypes", "zlib"):
    try:
        __import__(module)
    except ImportError:
        print("is Python " + version + " without the module " + module); sys.exit(4)
print(getattr(sys, "_base_executable", None) or sys.executable)
'

find_python() {
    found=''
    incomplete=''
    # Without PYTHON the interpreter that the user calls python3 comes first.
    set -- python3 python3.13 python3.12 python3.11 python3.14 python
    [ -z "${PYTHON:-}" ] || set -- "$PYTHON"
    for name in "$@"; do
        command -v "$name" >/dev/null 2>&1 || continue
        code=0
        answer=$("$name" -c "$probe" 2>/dev/null </dev/null) || code=$?
        if [ "$code" -eq 0 ]; then
            python=$answer
            return
        fi
        [ "$code" -eq 4 ] && incomplete=${incomplete:-"$name $answer"}
        [ -n "$answer" ] && found="$found${found:+, }$name $answer"
    done
    if [ -n "$incomplete" ]; then
        fail "$incomplete." \
            'Debian, Ubuntu: apt-get install python3-venv' \
            'Or choose another Python: make PYTHON=/path/to/python3 …'
    fi
    fail "Kith needs Python 3.11 or newer${PYTHON:+; PYTHON=$PYTHON will not do} (found: ${found:-none})." \
        'Debian, Ubuntu: apt-get install python3 python3-venv · macOS: brew install python@3.13' \
        'Or choose one: make PYTHON=/path/to/python3 …'
}

state="$(cat pyproject.toml uv.lock tools/uv.txt | cksum) $PWD"
if [ -f .venv/.setup ] && [ -x .venv/bin/python ]; then
    { read -r had_python; read -r had_state; read -r had_group || had_group=''; } <.venv/.setup
    if [ "$had_state" = "$state" ] && [ "${group:-$had_group}" = "$had_group" ]; then
        [ -z "${PYTHON:-}" ] && .venv/bin/python -c '' 2>/dev/null && exit 0
        find_python
        [ "$python" = "$had_python" ] && .venv/bin/python -c '' 2>/dev/null && exit 0
    fi
    # Its scripts name the folder that they were installed in.
    [ "${had_state#* * }" = "$PWD" ] || rm -rf .venv
    group=${group:-$had_group}
fi
[ -n "${python:-}" ] || find_python

pinned=$(sed -n 's/^uv==\([0-9.]*\).*/\1/p' tools/uv.txt)
if [ "$(.tools/bin/uv --version 2>/dev/null | cut -d' ' -f2)" != "$pinned" ]; then
    echo "setup: installing uv $pinned into .tools with $python"
    "$python" -m venv --clear .tools
    .tools/bin/python -m pip install --quiet --no-input --disable-pip-version-check \
        --no-deps --only-binary :all: --require-hashes -r tools/uv.txt ||
        fail "uv $pinned could not be installed." \
            'Is a package index within reach? Behind a mirror set PIP_INDEX_URL, behind a proxy HTTPS_PROXY.'
fi

# uv brings its own certificates; a company's proxy is known to the machine's own store only, as far as it has one.
for store in /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt /etc/ssl/ca-bundle.pem /etc/ssl/cert.pem; do
    [ -s "$store" ] && export UV_SYSTEM_CERTS="${UV_SYSTEM_CERTS:-1}"
done
echo "setup: syncing .venv with uv.lock"
if [ -t 2 ]; then quiet=''; else quiet=--quiet; fi
UV_PYTHON=$python UV_PYTHON_DOWNLOADS=never UV_PROJECT_ENVIRONMENT=$PWD/.venv \
    .tools/bin/uv sync --locked $quiet ${group:+--group "$group"} ||
    fail 'the dependencies could not be installed; the lines above say which and why.'
.venv/bin/python tools/check_libraries.py
printf '%s\n%s\n%s\n' "$python" "$state" "$group" >.venv/.setup
