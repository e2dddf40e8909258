/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A connection with deadlines. Descriptors stay blocking: one system call for each read
 * and write in the usual case. The socket's own timeout gives the control back every
 * PATIENCE_SECONDS; only when less than that is left is poll() asked first.
 */
#include "net/connection.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "mail/status.h"

#include "base/banned.h"

enum {
    PATIENCE_SECONDS = 10,
    OUT_ROOM = 64 * 1024, /* a usual message with its commands is one write */
    IN_ROOM = 8 * 1024,   /* grows with the limit of a line */
};

struct connection {
    int fd;
    bool socket;      /* else a pipe or terminal: always polled first */
    int64_t deadline; /* INT64_MAX: none */
    char *out;
    size_t out_length;
    char *in;
    size_t in_room, in_start, in_end;
};

struct connection *
connection_from(int fd)
{
    struct connection *connection = memory_alloc(sizeof *connection);
    struct timeval patience = {.tv_sec = PATIENCE_SECONDS};
    socklen_t length = sizeof patience;

    connection->fd = fd;
    connection->socket =
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, length) == 0 &&
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, length) == 0;
    connection->deadline = INT64_MAX;
    connection->out = memory_alloc(OUT_ROOM);
    connection->in = memory_alloc(IN_ROOM);
    connection->in_room = IN_ROOM;
    return connection;
}

void
connection_close(struct connection *connection)
{
    if (connection == NULL)
        return;
    close(connection->fd);
    free(connection->out);
    free(connection->in);
    free(connection);
}

void
connection_deadline(struct connection *connection, int64_t moment)
{
    connection->deadline = moment;
}

/* Milliseconds until the deadline, as poll() takes them; 0 when it is over. */
static int
milliseconds_left(int64_t deadline)
{
    int64_t left;

    if (deadline == INT64_MAX)
        return INT32_MAX;
    left = deadline - clock_monotonic();
    if (left <= 0)
        return 0;
    return left < INT32_MAX ? (int)left : INT32_MAX;
}

/* Wait until the descriptor is ready. False with errno ETIMEDOUT, or poll's own. */
static bool
descriptor_wait(int fd, short events, int64_t deadline)
{
    struct pollfd poller = {.fd = fd, .events = events};
    int ready;

    do {
        int left = milliseconds_left(deadline);

        ready = poll(&poller, 1, left);
        if (ready == 0 && (left == 0 || milliseconds_left(deadline) == 0)) {
            errno = ETIMEDOUT;
            return false;
        }
    } while (ready == 0 || (ready < 0 && errno == EINTR));
    return ready > 0;
}

/*
 * Before an attempt to read or write: may it block by itself (*flags 0), or was the
 * descriptor found ready (MSG_DONTWAIT)? False: the deadline is over.
 */
static bool
connection_wait(const struct connection *connection, bool first, short events, int *flags)
{
    if (connection->socket && first &&
        milliseconds_left(connection->deadline) > PATIENCE_SECONDS * 1000) {
        *flags = 0;
        return true;
    }
    *flags = MSG_DONTWAIT;
    return descriptor_wait(connection->fd, events, connection->deadline);
}

static bool
is_try_again(int number)
{
    return number == EAGAIN || number == EWOULDBLOCK || number == EINTR;
}

/* --- opening --- */

static bool
connect_fail(int number, int fd, struct error *error)
{
    if (fd >= 0)
        close(fd);
    return fail_temporary_number(error, ERR_SMTP_CONNECT, "4.4.1", "connect: %s",
                                 strerror(number));
}

/* The outcome of a connect() that did not end at once: errno, or 0. */
static int
connect_outcome(int fd, int64_t deadline)
{
    int number = 0;
    socklen_t length = sizeof number;

    if (!descriptor_wait(fd, POLLOUT, deadline))
        return errno;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &number, &length) != 0)
        return errno;
    return number;
}

bool
connection_open(const struct net_address *address, int64_t timeout,
                struct connection **connection, struct error *error)
{
    int64_t deadline = clock_monotonic() + timeout;
    int one = 1, number = 0;
    int fd =
        socket(address->socket.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0)
        return connect_fail(errno, -1, error);
    if (connect(fd, (const struct sockaddr *)&address->socket, address->length) != 0)
        number = errno == EINPROGRESS || errno == EINTR ? connect_outcome(fd, deadline)
                                                        : errno;
    if (number == 0 && fcntl(fd, F_SETFL, 0) != 0)
        number = errno;
    if (number != 0)
        return connect_fail(number, fd, error);
    /* We gather by ourselves. A refusal costs speed only. */
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    *connection = connection_from(fd);
    return true;
}

/* --- writing --- */

static bool
write_fail(struct error *error)
{
    const char *what = errno == ETIMEDOUT ? "timeout while writing" : strerror(errno);

    return fail_temporary(error, "4.4.2", "connection lost: %s", what);
}

static ssize_t
vector_send(struct connection *connection, struct iovec *vector, size_t count, int flags)
{
    struct msghdr message = {.msg_iov = vector, .msg_iovlen = count};

    if (!connection->socket)
        return writev(connection->fd, vector, (int)count);
    return sendmsg(connection->fd, &message, flags | MSG_NOSIGNAL);
}

/* Write the buffer and `bytes` behind it, all of both. */
static bool
connection_send(struct connection *connection, struct span bytes, struct error *error)
{
    struct iovec vector[2] = {
        {.iov_base = connection->out, .iov_len = connection->out_length},
        {.iov_base = (void *)(uintptr_t)bytes.bytes, .iov_len = bytes.length},
    };
    size_t left = connection->out_length + bytes.length;
    bool first = true;

    connection->out_length = 0;
    while (left > 0) {
        size_t at = vector[0].iov_len > 0 ? 0 : 1;
        ssize_t sent;
        int flags;

        if (!connection_wait(connection, first, POLLOUT, &flags))
            return write_fail(error);
        sent = vector_send(connection, vector + at, 2 - at, flags);
        if (sent < 0 && !is_try_again(errno))
            return write_fail(error);
        first = sent > 0;
        for (size_t taken; sent > 0; sent -= (ssize_t)taken, at++) {
            taken = (size_t)sent < vector[at].iov_len ? (size_t)sent : vector[at].iov_len;
            vector[at].iov_base = (char *)vector[at].iov_base + taken;
            vector[at].iov_len -= taken;
            left -= taken;
            if (vector[at].iov_len > 0)
                break;
        }
    }
    return true;
}

bool
connection_write(struct connection *connection, struct span bytes, struct error *error)
{
    if (bytes.length > OUT_ROOM - connection->out_length)
        return connection_send(connection, bytes, error);
    if (bytes.length > 0)
        memcpy(connection->out + connection->out_length, bytes.bytes, bytes.length);
    connection->out_length += bytes.length;
    return true;
}

bool
connection_flush(struct connection *connection, struct error *error)
{
    return connection->out_length == 0 ||
           connection_send(connection, (struct span){NULL, 0}, error);
}

/* --- reading --- */

static bool
read_fail(ssize_t got, struct error *error)
{
    if (got == 0)
        return fail_temporary(error, "4.4.2", "connection closed by the other side");
    if (errno == ETIMEDOUT)
        return fail_temporary(error, "4.4.2", "timeout while waiting for the other side");
    return fail_temporary(error, "4.4.2", "connection lost: %s", strerror(errno));
}

/* Make room behind what is buffered, so that a line of `limit` octets fits. */
static void
connection_make_room(struct connection *connection, size_t limit)
{
    size_t held = connection->in_end - connection->in_start;

    if (connection->in_end < connection->in_room)
        return;
    if (connection->in_start > 0) {
        memmove(connection->in, connection->in + connection->in_start, held);
    } else {
        size_t room =
            2 * connection->in_room < limit + 2 ? 2 * connection->in_room : limit + 2;

        assert(room > connection->in_room);
        connection->in = memory_grow(connection->in, room);
        connection->in_room = room;
    }
    connection->in_start = 0;
    connection->in_end = held;
}

static bool
connection_fill(struct connection *connection, struct error *error)
{
    char *into = connection->in + connection->in_end;
    size_t room = connection->in_room - connection->in_end;
    ssize_t got;
    bool first = true;

    do {
        int flags;

        if (!connection_wait(connection, first, POLLIN, &flags))
            return read_fail(-1, error);
        got = connection->socket ? recv(connection->fd, into, room, flags)
                                 : read(connection->fd, into, room);
        first = false;
    } while (got < 0 && is_try_again(errno));
    if (got <= 0)
        return read_fail(got, error);
    connection->in_end += (size_t)got;
    return true;
}

bool
connection_read_line(struct connection *connection, size_t limit, struct span *line,
                     struct error *error)
{
    size_t searched = 0;

    for (;;) {
        const char *start = connection->in + connection->in_start;
        size_t held = connection->in_end - connection->in_start;
        const char *end = memchr(start + searched, '\n', held - searched);
        size_t length = end != NULL ? (size_t)(end - start) : held;

        if (length > 0 && start[length - 1] == '\r')
            length--;
        if (length > limit)
            return fail_temporary(error, "4.4.2", "line of more than %zu octets", limit);
        if (end != NULL) {
            *line = (struct span){start, length};
            connection->in_start += (size_t)(end - start) + 1;
            return true;
        }
        searched = held;
        if (held == 0)
            connection->in_start = connection->in_end = 0;
        connection_make_room(connection, limit);
        if (!connection_fill(connection, error))
            return false;
    }
}

size_t
connection_buffered(const struct connection *connection)
{
    return connection->in_end - connection->in_start;
}

bool
connection_is_stale(struct connection *connection)
{
    struct pollfd poller = {.fd = connection->fd, .events = POLLIN};
    char byte;

    if (connection_buffered(connection) > 0)
        return true;
    if (!connection->socket)
        return poll(&poller, 1, 0) != 0;
    /* Data, end of file and an error are all the same: it cannot be used. */
    return recv(connection->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0 ||
           (errno != EAGAIN && errno != EWOULDBLOCK);
}

int
connection_descriptor(const struct connection *connection)
{
    return connection->fd;
}
