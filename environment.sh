# Makes what the project runs on, inside the project's folder and without root: .venv from the lock, and the distribution's programs in .debs.
# Sourced by ./demo and ./test with that folder as the working one. Needs sh and python3; what is there already costs a second.

PACKAGES='prometheus prometheus-alertmanager prometheus-blackbox-exporter' # each brings a program of its own name
UNPACKED=$PWD/.debs/root                                                  # lab/binaries.py looks here after PATH

say() { printf '%s\n' "$@"; }

refuse() {
  printf '%s: %s\n' "$0" "$*" >&2
  exit 2
}

environment() {
  programs
  wanted=$(stamp)
  if [ ! -x .venv/bin/rollout ] || [ "$(cat .venv/stamp 2>/dev/null)" != "$wanted" ]; then
    fill_venv
    say "$wanted" >.venv/stamp
  fi
}

# The folder counts, since scripts in .venv name it.
stamp() { say "$(cat requirements.lock pyproject.toml | cksum) $PWD"; }

fill_venv() {
  place=$(sed 's/^[^/]*//' .venv/stamp 2>/dev/null || true)
  if [ "${place:-$PWD}" != "$PWD" ] || ! .venv/bin/python -c '' 2>/dev/null; then
    rm -rf .venv
    python=$(find_python) || refuse "Python 3.11 or newer is needed and none is on PATH: install python3.11 or a later one"
    "$python" -m venv --without-pip .venv || refuse "$python cannot make a virtual environment: install its venv module (Debian: libpython3-stdlib)"
  fi
  .venv/bin/python -m pip --version >/dev/null 2>&1 || find_pip
  say 'Installing from requirements.lock; the first time takes a minute or two.'
  { pip install --no-deps --require-hashes -r requirements.lock && pip install --no-deps --no-build-isolation -e .; } >.venv/install.log 2>&1 || {
    tail -n 20 .venv/install.log >&2
    refuse 'the installation failed, see above; all of it is in .venv/install.log'
  }
}

pip() { .venv/bin/python -m pip --disable-pip-version-check --no-input "$@"; }

# Those that the project is tested with come first. A name on PATH proves nothing: version managers leave names that do not run.
find_python() {
  for name in python3.11 python3.12 python3.13 python3; do
    if "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      say "$name"
      return
    fi
  done
  return 1
}

# Debian keeps ensurepip in a package of its own; where that is missing, pip's wheel is fetched as the programs are.
find_pip() {
  .venv/bin/python -m ensurepip >/dev/null 2>&1 && return
  unpack python3-pip-whl || refuse 'this Python has no pip: install the package python3-venv'
  PYTHONPATH=$(ls "$UNPACKED"/usr/share/python-wheels/pip-*.whl) .venv/bin/python -m pip --disable-pip-version-check install --no-index \
    "$UNPACKED"/usr/share/python-wheels/pip-*.whl >/dev/null 2>&1 || refuse 'this Python has no pip: install the package python3-venv'
}

programs() {
  missing=''
  for package in $PACKAGES; do
    runs "$package" || missing="$missing $package"
  done
  [ -n "$missing" ] || return 0
  say "Unpacking$missing into .debs."
  # shellcheck disable=SC2086 (a list of names)
  unpack $missing || true
  for package in $missing; do
    runs "$package" || refuse "$package is neither on PATH nor could apt-get fetch it: apt-get install --no-install-recommends$missing"
  done
}

# Asked for its version rather than looked up, so that half an unpacked file is not taken for a program.
runs() { PATH="$PATH:$UNPACKED/usr/bin" "$1" --version >/dev/null 2>&1; }

# Packages of the distribution, unpacked below .debs/root: no root, nothing installed, nothing started.
unpack() {
  mkdir -p .debs
  (
    rm -rf .debs/new && mkdir -p .debs/new && cd .debs/new || exit 1
    apt-get download "$@" || with_own_lists "$@" || exit 1
    for file in ./*.deb; do
      dpkg -x "$file" "$UNPACKED" || exit 1
    done
    cd .. && rm -rf new
  ) >.debs/log 2>&1
}

# The machine's package lists may be empty or name versions that are gone; to fetch new ones there takes root, here it does not.
with_own_lists() {
  mkdir -p state/lists/partial cache/archives/partial
  own_apt update && own_apt download "$@"
}

own_apt() { apt-get -o Dir::State="$PWD/state" -o Dir::State::status=/var/lib/dpkg/status -o Dir::Cache="$PWD/cache" "$@"; }
