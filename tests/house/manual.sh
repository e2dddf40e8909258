#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# The manual and the program say the same: tables are as the program prints them, what can be typed is
# described, and the pages are sound. limit: 60
root=$(cd "$(dirname "$0")/../.." && pwd)
smail=${SMAIL:-${BUILD:-.}/smail}
work=$(mktemp -d "${TMPDIR:-/tmp}/smail-manual.XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
bad=0

check() { # what holds, command ...
    what=$1
    shift
    if "$@" >"$work/said" 2>&1 && ! [ -s "$work/said" ]; then
        echo "ok $what"
    else
        echo "not ok $what"
        sed 's/^/# /' "$work/said"
        bad=1
    fi
}

pages=$(grep -L '^\.so ' "$root"/man/*.[1-8])

# A page is searched as text without markup.
plain() { # page
    sed -e 's/\\-/-/g' -e 's/\\&//g' -e 's/\\e/\\/g' "$root/man/$1" | grep -v '^\.\\"'
}

links_lead() {
    for page in "$root"/man/*.[1-8]; do
        target=$(sed -n '1s/^\.so man[1-8]\///p' "$page")
        [ -z "$target" ] && continue
        [ -f "$root/man/$target" ] || echo "$page: there is no $target"
        name=$(basename "$page" | sed 's/\.[1-8]$//')
        grep -q "^\\.Nm $name\\( ,\\)\\{0,1\\}\$" "$root/man/$target" || echo "$target does not name $name"
    done
}

references_lead() {
    for page in $pages; do
        sed -n 's/^\.Xr \(smail[a-z-]*\) \([1-8]\).*/\1.\2/p' "$page"
    done | sort -u | while read -r page; do
        [ -f "$root/man/$page" ] || echo "there is no $page"
    done
}

subcommands_described() {
    ln -s "$(cd "$(dirname "$smail")" && pwd)/$(basename "$smail")" "$work/smailctl"
    plain smailctl.8 >"$work/smailctl.8"
    "$work/smailctl" --help >"$work/help"
    sed -n 's/^  smailctl \([a-z]*\( [a-z]*\)\{0,1\}\).*/\1/p' "$work/help" | while read -r words; do
        [ "$(grep -c "^\\.\\(Cm\\|It Cm\\) $words\\( \\|\$\\)" "$work/smailctl.8")" -ge 2 ] ||
            echo "smailctl $words is not in SYNOPSIS and DESCRIPTION"
    done
    [ "$(grep -c '^  smailctl ' "$work/help")" -gt 10 ] || echo "no help is printed"
    tr ' ,' '\n\n' <"$work/help" | grep '^--' | sort -u | while read -r flag; do
        grep -q -e "$(printf %s "$flag" | sed 's/^-/Fl /')" "$work/smailctl.8" || echo "$flag is not there"
    done
}

variables_described() {
    plain smail.5 | tr ' ,' '\n\n' | sort -u >"$work/words"
    sed -n 's/^    {"\([a-z_]*\)", \("\([a-z_:]*\)"\)\{0,1\}.*get_.*/\1 \3/p' \
        "$root/src/config/expand_variable.c" | tr ' :' '\n\n' | sed '/^$/d' >"$work/variables"
    [ "$(wc -l <"$work/variables")" -gt 20 ] || echo "no variables are found in the source"
    while read -r name; do
        grep -qx "$name" "$work/words" || echo "\$$name is not in smail(5)"
    done <"$work/variables"
}

names_described() {
    sed -n '/^} names\[\] = {/,/^};/s/^    {"\([^"]*\)".*/\1/p' "$root/src/command/options.c" >"$work/names"
    [ -s "$work/names" ] || echo "no names are found in the source"
    while read -r name; do
        grep -q "^\\.Nm $name\\( ,\\)\\{0,1\\}\$" "$root/man/smail.8" || echo "$name is not in smail(8)"
    done <"$work/names"
}

modes_described() {
    plain smail.8 >"$work/smail.8"
    sed -n '/^mode_take/,/^}/p' "$root/src/command/options.c" |
        grep -o "{'[a-zA-Z]', MODE" | cut -c3 >"$work/modes"
    [ "$(wc -l <"$work/modes")" -gt 10 ] || echo "no modes are found in the source"
    while read -r letter; do
        grep -q "^\\.It .*\\bb$letter\\b" "$work/smail.8" || echo "-b$letter is not in smail(8)"
    done <"$work/modes"
}

check "the tables are as the program prints them" "$root/man/tables.sh" --check "$smail" $pages
check "every name of the program leads to its page" links_lead
check "pages that are named are there" references_lead
check "every subcommand and flag of smailctl is described" subcommands_described
check "every variable of expansions is described" variables_described
check "every name of the program is described" names_described
check "every mode is described" modes_described
if command -v mandoc >/dev/null; then
    check "mandoc has nothing to complain of" mandoc -T lint -W warning $pages
else
    echo "skip manual.sh: mandoc is not installed, so the pages' markup is not checked"
fi
exit $bad
