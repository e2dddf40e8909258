#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Tables of variables and attributes are printed by the program, from the declarations that it is
# built with. This puts them into the pages, between the comments
#     .\" table NAME        and        .\" end of table
#
#   man/tables.sh SMAIL PAGE...            rewrite the pages
#   man/tables.sh --check SMAIL PAGE...    say which pages are not as they would be
set -eu

check=no
[ "${1-}" != --check ] || { check=yes; shift; }
[ $# -ge 2 ] || { sed -n '3,9s/^# \{0,1\}//p' "$0" >&2; exit 64; }
smail=$1
shift
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# A page shows the usual places, wherever this program was built for.
place() { # variable, usual value
    value=$("$smail" -C - -bP "$1")
    printf 's|^\\.Li "%s"$|.Li "%s"|\n' "$(printf %s "$value" | sed 's/-/\\\\-/g')" "$2"
}
{
    place smail_lib_dir /usr/lib/smail
    place spool_dir /var/spool/smail
    place smail /usr/sbin/smail
    printf "s|; %s for the system's spool|; /run/smail for the system's spool|\\n" "$("$smail" -C - -bP run_dir)"
} >"$work/places"

for name in config directors routers transports; do
    "$smail" -C - -bP --mdoc $name >"$work/printed"
    sed -f "$work/places" "$work/printed" >"$work/$name"
done

code=0
for page; do
    skip=no
    while IFS= read -r line; do
        case $line in
        '.\" table '*)
            printf '%s\n' "$line"
            cat "$work/${line#??? table }"
            skip=yes ;;
        '.\" end of table')
            printf '%s\n' "$line"
            skip=no ;;
        *)
            [ $skip = yes ] || printf '%s\n' "$line" ;;
        esac
    done <"$page" >"$work/page"
    cmp -s "$work/page" "$page" && continue
    if [ $check = yes ]; then
        echo "$page: not as the program prints it; run man/tables.sh"
        diff "$page" "$work/page" | sed 20q || true
        code=1
    else
        cat "$work/page" >"$page"
    fi
done
exit $code
