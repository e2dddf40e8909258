# SPDX-License-Identifier: GPL-3.0-or-later
# A real name server (nsd or knotd) on a free loopback port; not a test by itself. To be
# read with ". name_server.sh"; then:
#
#   name_server DIR ZONE ...   serves DIR/ZONE.zone for each; sets NS_KIND, NS_PORT, NS_PID
#                              (a process of the caller's); fails when none is installed or
#                              none starts, and says why
#
# With NS_KIND=nsd or NS_KIND=knotd in the environment, that one.

name_server_kind() {
    [ -n "${NS_KIND:-}" ] && return
    if command -v nsd >/dev/null; then NS_KIND=nsd
    elif command -v knotd >/dev/null; then NS_KIND=knotd
    else echo "# neither nsd nor knotd is installed"; return 1; fi
}

name_server_nsd() { # DIR PORT ZONE ...
    ns_dir=$1 ns_port=$2; shift 2
    cat >"$ns_dir/nsd.conf" <<CONF
server:
    ip-address: 127.0.0.1@$ns_port
    server-count: 1
    username: ""
    chroot: ""
    database: ""
    zonesdir: "$ns_dir"
    zonelistfile: "$ns_dir/zone.list"
    xfrdfile: "$ns_dir/xfrd.state"
    xfrdir: "$ns_dir"
    pidfile: "$ns_dir/nsd.pid"
    rrl-ratelimit: 0
remote-control:
    control-enable: no
CONF
    for zone; do printf 'zone:\n    name: %s\n    zonefile: %s.zone\n' "$zone" "$zone"; done \
        >>"$ns_dir/nsd.conf"
    exec nsd -d -c "$ns_dir/nsd.conf"
}

name_server_knotd() { # DIR PORT ZONE ...
    ns_dir=$1 ns_port=$2; shift 2
    {
        printf 'server:\n    listen: 127.0.0.1@%s\n    rundir: %s\n' "$ns_port" "$ns_dir"
        printf 'database:\n    storage: %s\nzone:\n' "$ns_dir"
        for zone; do printf '  - domain: %s\n    file: %s/%s.zone\n' "$zone" "$ns_dir" "$zone"; done
    } >"$ns_dir/knot.conf"
    exec knotd -c "$ns_dir/knot.conf"
}

name_server() {
    ns_where=$1; shift
    PATH=$PATH:/usr/sbin:/sbin
    name_server_kind || return 1
    for ns_try in 1 2 3 4 5; do
        NS_PORT=$((20000 + ($$ * 7 + ns_try * 1009) % 30000))
        "name_server_$NS_KIND" "$ns_where" "$NS_PORT" "$@" >"$ns_where/server.log" 2>&1 &
        NS_PID=$!
        sleep 0.5
        # It ends by itself when the port is taken.
        kill -0 $NS_PID 2>/dev/null && return 0
        wait $NS_PID 2>/dev/null
    done
    NS_PID=
    sed 's/^/# /' "$ns_where/server.log"
    return 1
}
