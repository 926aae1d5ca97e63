# shellcheck shell=bash disable=SC2034
# Shared by the scripts beside it; source it, do not run it.
#
# Everything fetched or built lands in a cache outside the checkout, and everything
# that runs keeps its state in a run folder, so that both can be deleted at any time
# and neither touches what the user has.

set -euo pipefail
# Without this a failure inside $(…) is silently ignored.
shopt -s inherit_errexit

SCRIPTS=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
CHECKOUT=${SCRIPTS%/*}
CACHE=${DOCKER_IPFS_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/docker-ipfs}
# /tmp and a short name: a unix socket's path may not be longer than 107 bytes.
RUN=${DOCKER_IPFS_RUN:-/tmp/docker-ipfs-run-$UID}

say() { printf '%s\n' "$*" >&2; }

die() {
  say "${0##*/}: $*"
  exit 1
}

have() { command -v "$1" >/dev/null 2>&1; }

need() {
  local tool
  for tool; do have "$tool" || die "needs '$tool' on PATH"; done
}

# version_at_least HAVE WANT
version_at_least() {
  [[ $(printf '%s\n' "$1" "$2" | sort -V | head -n 1) == "$2" ]]
}

# make_once DIR COMMAND…: unless DIR is there, run `COMMAND… TEMPDIR` and move TEMPDIR to DIR.
# DIR is thus whole or absent, and two runs at once do the work once.
# Do not call it after `if`, `!`, or before `||`: bash would ignore failures inside.
make_once() {
  local dir=$1
  shift
  [[ -d $dir ]] && return 0
  mkdir -p "${dir%/*}"
  (
    flock 9
    [[ -d $dir ]] && exit 0
    # Remains of a run that was killed: nobody else is at it while we hold the lock.
    rm -rf "$dir".tmp.*
    temp=$(mktemp -d "$dir.tmp.XXXXXX")
    trap 'rm -rf "$temp"' EXIT
    chmod 755 "$temp"
    "$@" "$temp" >&2 9>&-
    mv -T "$temp" "$dir"
  ) 9>"$dir.lock"
}

# The mirrors that may be Debian's, from this machine's own apt sources (apt itself reads both of their formats).
debian_mirrors() {
  if [[ -n ${DOCKER_IPFS_DEBIAN_MIRROR:-} ]]; then
    printf '%s\n' "$DOCKER_IPFS_DEBIAN_MIRROR"
  else
    apt-get indextargets --format '$(COMPONENT) $(REPO_URI)' 'Identifier: Packages' |
      awk '$1 == "main" && !seen[$2]++ { print $2 }'
  fi
}

KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg

# debian_mirror SUITE [DIR]: the first of them that has SUITE with Debian's signature; leaves apt's index of it in DIR,
# with DIR/apt.conf to use it. Others publish under Debian's suite names too: only the signature tells.
debian_mirror() {
  local suite=$1 dir=${2:-} mirror
  need apt-get
  if [[ ! $dir ]]; then
    dir=$(mktemp -d)
    debian_mirror "$suite" "$dir"
    rm -rf "$dir"
    return
  fi
  [[ -e $KEYRING ]] || die "needs Debian's keyring $KEYRING (package debian-archive-keyring)"
  mkdir -p "$dir"/{lists/partial,cache/archives/partial}
  : >"$dir/status"
  # A state folder of its own: the machine's own sources and package lists stay as they are.
  # Check-Valid-Until: a mirror that stands still has an expired Release file for sid.
  cat >"$dir/apt.conf" <<-CONF
	Dir::Etc::sourcelist "$dir/sources.list";
	Dir::Etc::sourceparts "/dev/null";
	Dir::State "$dir";
	Dir::State::status "$dir/status";
	Dir::Cache "$dir/cache";
	APT::Sandbox::User "root";
	APT::Update::Error-Mode "any";
	Acquire::Check-Valid-Until "false";
	Acquire::Languages "none";
	Acquire::Retries "3";
	CONF
  if [[ ${DEBIAN_ARCH:-} ]]; then printf 'APT::Architecture "%s";\nAPT::Architectures { "%s"; };\n' "$DEBIAN_ARCH" "$DEBIAN_ARCH" >>"$dir/apt.conf"; fi
  for mirror in $(debian_mirrors); do
    echo "deb [signed-by=$KEYRING] $mirror $suite main" >"$dir/sources.list"
    if APT_CONFIG=$dir/apt.conf apt-get -qq update 2>"$dir/error"; then
      printf '%s\n' "$mirror"
      return 0
    fi
  done
  cat "$dir/error" >&2 2>/dev/null || true
  die "no Debian mirror with $suite among this machine's apt sources; name one in DOCKER_IPFS_DEBIAN_MIRROR"
}

# fetch_debs DIR SUITE PACKAGE…: unpack Debian packages below DIR/root. Nothing is installed. DEBIAN_ARCH: of another machine.
fetch_debs() {
  local dir=$1 suite=$2 state deb
  shift 2
  need dpkg-deb
  say "fetching from Debian $suite: $*"
  # Inside DIR: what a killed run leaves is then deleted with it.
  state=$(mktemp -d "$dir/apt.XXXXXX")
  mkdir -p "$state/deb" "$dir/root"
  debian_mirror "$suite" "$state" >/dev/null
  (cd "$state/deb" && APT_CONFIG=$state/apt.conf apt-get -qq download "$@")
  for deb in "$state"/deb/*.deb; do dpkg-deb -x "$deb" "$dir/root"; done
  rm -rf "$state"
}

# debian_program DIR NAME ARG…: make DIR/NAME run what fetch_debs unpacked, and try it with ARG….
debian_program() {
  local dir=$1 name=$2 folder=bin library libraries=''
  shift 2
  [[ -e $dir/root/usr/bin/$name ]] || folder=sbin
  # libpulse names the folder of its other half in full, which is not there.
  for library in "$dir"/root{,/usr}/lib/*-linux-gnu*{,/pulseaudio}; do
    if [[ -d $library ]]; then libraries+=\$here/${library#"$dir"/}:; fi
  done
  # Relative to itself: DIR is renamed when it is whole.
  cat >"$dir/$name" <<-END
	#!/bin/sh
	here=\$(dirname "\$(readlink -f "\$0")")
	LD_LIBRARY_PATH="$libraries\$LD_LIBRARY_PATH" exec "\$here/root/usr/$folder/$name" "\$@"
	END
  chmod +x "$dir/$name"
  "$dir/$name" "$@" >/dev/null || die "Debian's $name does not run here"
}

# owns PIDFILE WORD: true when the process of PIDFILE lives and its command line has WORD. A stale pid file may
# name a process of somebody else.
owns() {
  local pid
  pid=$(cat "$1" 2>/dev/null) && [[ -n $pid ]] && tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | grep -qF -- "$2"
}

# wait_until SECONDS COMMAND…
wait_until() {
  local tries=$(($1 * 10))
  shift
  while ((tries-- > 0)); do
    "$@" && return 0
    sleep 0.1
  done
  return 1
}

# install_packages: `npm ci` when there is something to install, and then a bun that runs. What npm says goes to stderr.
install_packages() {
  need node npm
  cd "$CHECKOUT"
  if [[ ! -e node_modules/.package-lock.json || package-lock.json -nt node_modules/.package-lock.json ]]; then
    npm ci --no-audit --no-fund >&2
    # npm keeps the lock file's own time when nothing changed.
    touch node_modules/.package-lock.json
  fi
  # npm may have been told not to run install scripts (npm 11 asks first): bun's puts the binary into its place.
  if ! node_modules/.bin/bun --version >/dev/null 2>&1; then
    (cd node_modules/bun && node install.js) >&2
    node_modules/.bin/bun --version >/dev/null || die "bun does not run on this machine"
  fi
}

# docker_on_path: makes sure that `docker` is on PATH, if need be for this script alone.
docker_on_path() {
  local client
  have docker && return
  client=$("$SCRIPTS/docker-cli")
  PATH=$PATH:${client%/*}
}
