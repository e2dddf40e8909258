/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A connection as a worker uses it: blocking reads and writes with deadlines, buffered.
 */
#ifndef NET_CONNECTION_H
#define NET_CONNECTION_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/error.h"
#include "base/text.h"

struct connection;

/* One address to try: family, address and port, and its text "192.0.2.1" / "2001:db8::1".
 */
struct net_address {
    struct sockaddr_storage socket;
    socklen_t length;
    const char *text;
};

/* Parse "192.0.2.1" or "2001:db8::1" (no names). */
bool net_address_parse(const char *text, uint16_t port, struct arena *arena,
                       struct net_address *address);
/* A port number or service name; falls back to `fallback` for an unknown "smtp". */
bool net_port(const char *service, uint16_t fallback, uint16_t *port,
              struct error *error);

/* Is the address in one of the networks ("127.0.0.0/8", "[::1]/128", "192.0.2.1")? Mapped
 * IPv4 counts as IPv4. */
bool net_address_in(const char *address, const char *const *networks, size_t count);
bool net_network_is_valid(const char *network);
/* Is it an address of one of this host's interfaces, or loopback, or the unspecified one?
 */
bool net_address_is_ours(const char *address);

/* Connect within `timeout` milliseconds. False: temporary 4.4.1, errno's text. */
bool connection_open(const struct net_address *address, int64_t timeout,
                     struct connection **connection, struct error *error);
struct connection *connection_from(int fd); /* takes the descriptor over */
void connection_close(struct connection *connection);

/* All later calls must end by this moment of clock_monotonic(). */
void connection_deadline(struct connection *connection, int64_t moment);

/* Buffer; written when the buffer is full or on flush. */
bool connection_write(struct connection *connection, struct span bytes,
                      struct error *error);
bool connection_flush(struct connection *connection, struct error *error);

/*
 * A line, without its CRLF (a bare LF ends one too), valid until the next call. Over
 * `limit` octets, end of file, timeout: temporary 4.4.2.
 */
bool connection_read_line(struct connection *connection, size_t limit, struct span *line,
                          struct error *error);
/* Octets that were read but not used yet (they must not be there before TLS starts). */
size_t connection_buffered(const struct connection *connection);
/* Did the peer close or send anything unasked while we were idle? */
bool connection_is_stale(struct connection *connection);
int connection_descriptor(const struct connection *connection);

#endif
