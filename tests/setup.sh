# SPDX-License-Identifier: GPL-3.0-or-later
# For ./try and ./check: packages, configure, make. Sourced with $root set to the top of the tree.

say() { printf '== %s\n' "$*"; }
give_up() { printf '%s: %s\n' "$(basename "$0")" "$*" >&2; exit 1; }

package_list() { # kind
    sed -n "s/^$1 //p" "$root/tests/packages"
}

package_is_here() {
    [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# Those of the given kind that are not installed.
packages_missing() { # kind
    for package in $(package_list "$1"); do
        package_is_here "$package" || printf '%s ' "$package"
    done
}

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"
    elif ! command -v sudo >/dev/null; then return 1
    elif [ -t 0 ]; then sudo "$@"
    else sudo -n "$@"; fi
}

packages_install() { # kind
    missing=$(packages_missing "$1")
    [ -n "$missing" ] || return 0
    command -v apt-get >/dev/null || return 1
    say "installing $missing"
    # shellcheck disable=SC2086
    as_root apt-get -q update </dev/null >/dev/null &&
        as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y install \
            --no-install-recommends $missing </dev/null >/dev/null
}

# Everything that a build needs, or an end with words that say what to do.
build_packages() {
    packages_install build && return
    command -v dpkg-query >/dev/null && missing=$(packages_missing build) ||
        missing=$(package_list build | tr '\n' ' ')
    [ -z "$missing" ] || give_up "these packages are missing and cannot be installed from here: $missing"
}

# A program in that directory: configured once, made as far as it changed.
tree_build() { # directory, make's target, configure's arguments...
    directory=$1 target=$2
    shift 2
    mkdir -p "$directory"
    "$root/bootstrap" >"$directory/bootstrap.out" 2>&1 ||
        { cat "$directory/bootstrap.out"; give_up "bootstrap failed"; }
    if [ ! -f "$directory/config.status" ] || [ "$root/configure" -nt "$directory/config.status" ]; then
        (cd "$directory" && "$root/configure" --quiet "$@") ||
            give_up "configure failed: see $directory/config.log"
    fi
    make -s -C "$directory" -j "$(nproc)" V=0 $target >"$directory/make.out" 2>&1 ||
        { tail -n 40 "$directory/make.out"; give_up "make failed: see $directory/make.out"; }
}

# Tests that root runs start peers as other users, who may have no way into the build directory.
peers_place() { # directory
    mkdir -p "$(dirname "$1")"
    if [ "$(id -u)" = 0 ] && [ ! -e "$1" ] &&
        ! su -s /bin/sh nobody -c "test -x '$(dirname "$1")'" 2>/dev/null; then
        ln -sfn "$(mktemp -d /var/tmp/smail-peers.XXXXXX)" "$1" && chmod 755 "$1/"
    else
        mkdir -p "$1"
    fi
}

# Peers for tests: unpacked with what they need that is not installed, never installed themselves. Each
# of their programs gets a wrapper in DIRECTORY/bin that knows where its libraries are.
peers_unpack() { # directory
    place=$1
    [ -f "$place/complete" ] && [ "$place/complete" -nt "$root/tests/packages" ] && return
    command -v apt-get >/dev/null || return 1
    peers_place "$place"
    place=$(readlink -f "$place")
    mkdir -p "$place/archives" "$place/bin"
    # shellcheck disable=SC2046
    wanted=$(LC_ALL=C apt-get -q -s install --no-install-recommends $(package_list peers) </dev/null 2>/dev/null |
        sed -n 's/^Inst \([^ ]*\).*/\1/p')
    say "unpacking peers for tests in $place"
    # shellcheck disable=SC2046,SC2086
    (cd "$place/archives" && apt-get -q download $(package_list peers) $wanted </dev/null >download.out 2>&1)
    for archive in "$place"/archives/*.deb; do
        [ -f "$archive" ] && dpkg -x "$archive" "$place"
    done
    libraries=$(find "$place" -name '*.so*' -printf '%h\n' | sort -u | tr '\n' ':')
    for program in "$place"/usr/sbin/* "$place"/usr/bin/* "$place"/sbin/* "$place"/usr/lib/dovecot/imap; do
        name=$(basename "$program")
        case $name in sendmail | mailq | newaliases | rmail | runq) continue ;; esac # those are ours to be
        [ -f "$program" ] && [ -x "$program" ] || continue
        chmod ug-s "$program" # set-id programs look for no libraries where they are told to
        printf '#!/bin/sh\nLD_LIBRARY_PATH=%s exec %s "$@"\n' "$libraries" "$program" >"$place/bin/$name"
        chmod 755 "$place/bin/$name"
    done
    [ -x "$place/bin/smtp-sink" ] && touch "$place/complete"
}
