/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The sockets that clients connect to: SMTP ports, the local socket, those of the service
 * manager. */
#include "role/house.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "net/connection.h"

#include "base/banned.h"

enum { BACKLOG = 4096, FIRST_PASSED_FD = 3 };

static bool
listener_add(struct house *house, int fd, enum role_kind kind, const char *name,
             struct error *error)
{
    int flags = fcntl(fd, F_GETFL);

    if (house->listener_count == HOUSE_LISTENERS) {
        close(fd);
        return fail_permanent(error, "5.3.5", "more than %d addresses to listen on",
                              HOUSE_LISTENERS);
    }
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ||
        fcntl(fd, F_SETFD, FD_CLOEXEC) < 0) {
        close(fd);
        return fail_temporary(error, "4.3.0", "%s: %s", name, strerror(errno));
    }
    house->listeners[house->listener_count++] =
        (struct listener){.fd = fd, .kind = kind, .name = memory_string(name)};
    return true;
}

static bool
port_listen(struct house *house, const struct net_address *address, const char *name,
            struct error *error)
{
    int family = address->socket.ss_family, on = 1;
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0 && errno == EAFNOSUPPORT && family == AF_INET6)
        return true; /* a host without IPv6 */
    if (fd < 0)
        return fail_temporary(error, "4.3.0", "socket: %s", strerror(errno));
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on,
               sizeof on); /* what is accepted inherits it */
    if (family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    if (bind(fd, (const struct sockaddr *)&address->socket, address->length) < 0 ||
        listen(fd, BACKLOG) < 0) {
        int problem = errno;

        close(fd);
        if (family == AF_INET6 && problem == EADDRNOTAVAIL)
            return true;
        return fail_temporary(error, "4.3.2", "listening on %s: %s", name,
                              strerror(problem));
    }
    return listener_add(house, fd, ROLE_RECEIVE, name, error);
}

/* "port", "address:port", "[v6]:port"; a port is a number or a service's name. */
static bool
listen_item(struct house *house, const char *item, struct error *error)
{
    const struct settings *settings = &house->configuration->settings;
    struct span text = span_of(item);
    size_t colon = span_find_last(text, ':');
    struct span host = {NULL, 0}, service = text;
    const char *hosts[2] = {"::", "0.0.0.0"};
    size_t count = 2;
    uint16_t port;

    if (colon < text.length) {
        host = span_first(text, colon);
        service = span_from(text, colon + 1);
    } else if (settings->listen_name && settings->listen_name[0]) {
        host = span_of(settings->listen_name);
    }
    if (host.length >= 2 && host.bytes[0] == '[' && host.bytes[host.length - 1] == ']')
        host = span_first(span_from(host, 1), host.length - 2);
    if (host.length > 0 && !span_is(host, "*")) {
        hosts[0] = span_string(host, house->arena);
        count = 1;
    }
    if (!net_port(span_string(service, house->arena), 25, &port, error))
        return false;
    for (size_t i = 0; i < count; i++) {
        struct net_address address;

        if (!net_address_parse(hosts[i], port, house->arena, &address))
            return fail_permanent(error, "5.3.5", "%s: \"%s\" is not an address", item,
                                  hosts[i]);
        if (!port_listen(house, &address,
                         arena_format(house->arena, "[%s]:%u", hosts[i], (unsigned)port),
                         error))
            return false;
    }
    return true;
}

/* The local socket: anybody may connect, the kernel says who he is. */
static bool
local_listen(struct house *house, struct error *error)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const char *path = arena_format(house->arena, "%s/socket", house->run_directory);
    int fd;

    if (strlen(path) >= sizeof address.sun_path)
        return fail_permanent(error, "5.3.5", "%s: too long for a socket", path);
    memcpy(address.sun_path, path, strlen(path));
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return fail_temporary(error, "4.3.0", "socket: %s", strerror(errno));
    unlink(path); /* ours: the owner's lock is held */
    if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0 ||
        chmod(path, 0666) < 0 || listen(fd, BACKLOG) < 0) {
        fail_temporary(error, "4.3.0", "%s: %s", path, strerror(errno));
        close(fd);
        return false;
    }
    return listener_add(house, fd, ROLE_LOCAL, path, error);
}

/* Sockets that the service manager opened for us (its protocol: LISTEN_PID, LISTEN_FDS).
 */
static bool
passed_listen(struct house *house, bool *local, bool *network, struct error *error)
{
    const char *pid = getenv("LISTEN_PID"), *count = getenv("LISTEN_FDS");
    uint64_t wanted_pid, fds;

    if (!pid || !count || !span_number(span_of(pid), UINT32_MAX, &wanted_pid) ||
        wanted_pid != (uint64_t)getpid() || !span_number(span_of(count), 32, &fds))
        return true;
    for (uint64_t i = 0; i < fds; i++) {
        struct sockaddr_storage name;
        socklen_t length = sizeof name;
        int fd = FIRST_PASSED_FD + (int)i;
        bool is_local;
        int listens = 0;
        socklen_t size = sizeof listens;

        if (getsockname(fd, (struct sockaddr *)&name, &length) < 0 ||
            getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) < 0)
            return fail_temporary(error, "4.3.0", "passed socket: %s", strerror(errno));
        if (!listens)
            return fail_permanent(error, "5.3.5",
                                  "passed descriptor %d is no listening socket", fd);
        is_local = name.ss_family == AF_UNIX;
        *(is_local ? local : network) = true;
        if (!listener_add(house, fd, is_local ? ROLE_LOCAL : ROLE_RECEIVE, "passed",
                          error))
            return false;
    }
    return true;
}

bool
listeners_open(struct house *house, struct error *error)
{
    const struct settings *settings = &house->configuration->settings;
    bool local = false, network = false;

    if (!passed_listen(house, &local, &network, error))
        return false;
    if (!local && !local_listen(house, error))
        return false;
    if (!house->options->listen || network)
        return true;
    if (house->options->port)
        return listen_item(house, house->options->port, error);
    for (size_t i = 0; i < settings->smtp_listen.count; i++)
        if (!listen_item(house, settings->smtp_listen.items[i], error))
            return false;
    return true;
}

void
listeners_send(struct house *house, struct child *child)
{
    for (size_t i = 0; i < house->listener_count; i++) {
        const struct listener *listener = &house->listeners[i];
        struct wire_listen listen_frame = {listener->kind, listener->name};

        if (listener->kind == child->kind)
            wire_send(child->control, WIRE_LISTEN, &listen_frame, listener->fd);
    }
}
