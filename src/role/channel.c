/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Frames over a stream socket pair; see channel.h for their form. */
#include "role/channel.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/clock.h"

#include "base/banned.h"

enum {
    HEAD_LENGTH = 8,
    READ_SIZE = 256 << 10,
    FD_LIMIT = 64,      /* descriptors that may wait for their frame */
    KEEP_ROOM = 1 << 20 /* a buffer over this is given back when it is empty */
};

/* A frame with a descriptor: its bytes begin at `at` of the stream and go out alone. */
struct waiting_fd {
    uint64_t at;
    int fd;
};

struct buffer {
    char *bytes;
    size_t begin, end, room;
};

struct channel {
    int fd;
    bool gone, broken;
    struct buffer in, out;
    uint64_t sent; /* octets ever written; `at` of waiting_fd counts from there */
    struct waiting_fd out_fds[FD_LIMIT];
    size_t out_fd_count;
    int in_fds[FD_LIMIT];
    size_t in_fd_count;

    struct event *read_event, *write_event;
    bool write_wanted, flush_deferred;
    void (*ready)(struct channel *channel, void *context);
    void (*lost)(struct channel *channel, void *context);
    void *context;
};

bool
channel_pair(int fds[2], struct error *error)
{
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
        return fail_temporary(error, "4.3.0", "socketpair: %s", strerror(errno));
    return true;
}

struct channel *
channel_new(int fd)
{
    struct channel *channel = memory_alloc(sizeof *channel);
    int flags = fcntl(fd, F_GETFL);

    memset(channel, 0, sizeof *channel);
    channel->fd = fd;
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ||
        fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
        channel->gone = true;
    return channel;
}

void
channel_free(struct channel *channel)
{
    if (!channel)
        return;
    if (channel->read_event)
        event_free(channel->read_event);
    if (channel->write_event)
        event_free(channel->write_event);
    for (size_t i = 0; i < channel->out_fd_count; i++)
        close(channel->out_fds[i].fd);
    for (size_t i = 0; i < channel->in_fd_count; i++)
        close(channel->in_fds[i]);
    close(channel->fd);
    free(channel->in.bytes);
    free(channel->out.bytes);
    free(channel);
}

int
channel_descriptor(const struct channel *channel)
{
    return channel->fd;
}

/* Room for `length` more octets at the end. */
static void
buffer_reserve(struct buffer *buffer, size_t length)
{
    if (buffer->begin == buffer->end)
        buffer->begin = buffer->end = 0;
    if (buffer->room - buffer->end >= length)
        return;
    if (buffer->begin > 0 && buffer->room - (buffer->end - buffer->begin) >= length) {
        memmove(buffer->bytes, buffer->bytes + buffer->begin,
                buffer->end - buffer->begin);
    } else {
        size_t room = buffer->room ? buffer->room : 16 << 10;
        char *bytes;

        while (room < buffer->end - buffer->begin + length)
            room *= 2;
        bytes = memory_alloc(room);
        if (buffer->end > buffer->begin)
            memcpy(bytes, buffer->bytes + buffer->begin, buffer->end - buffer->begin);
        free(buffer->bytes);
        buffer->bytes = bytes;
        buffer->room = room;
    }
    buffer->end -= buffer->begin;
    buffer->begin = 0;
}

static void
buffer_add(struct buffer *buffer, const void *bytes, size_t length)
{
    buffer_reserve(buffer, length);
    if (length > 0)
        memcpy(buffer->bytes + buffer->end, bytes, length);
    buffer->end += length;
}

/* Give a large buffer back once it is empty. */
static void
buffer_shrink(struct buffer *buffer)
{
    if (buffer->begin < buffer->end || buffer->room <= KEEP_ROOM)
        return;
    free(buffer->bytes);
    *buffer = (struct buffer){0};
}

static void
put_u32(unsigned char *out, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        out[i] = (unsigned char)(value >> (8 * i));
}

static uint32_t
get_u32(const char *bytes)
{
    const unsigned char *in = (const unsigned char *)bytes;

    return (uint32_t)in[0] | (uint32_t)in[1] << 8 | (uint32_t)in[2] << 16 |
           (uint32_t)in[3] << 24;
}

/* Nothing can be sent any more, by our fault: the owner hears of it in the loop. */
static void
channel_break(struct channel *channel)
{
    channel->gone = channel->broken = true;
    if (channel->read_event)
        event_active(channel->read_event, EV_READ, 0);
}

void
channel_send(struct channel *channel, uint16_t type, const struct pack *payload, int fd)
{
    struct span body = payload ? text_span(&payload->text) : (struct span){NULL, 0};
    unsigned char head[HEAD_LENGTH] = {0};

    if (channel->gone)
        return;
    if (body.length > CHANNEL_FRAME_LIMIT ||
        (fd >= 0 && channel->out_fd_count == FD_LIMIT)) {
        channel_break(channel);
        return;
    }
    if (fd >= 0) {
        int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);

        if (copy < 0) {
            channel_break(channel);
            return;
        }
        channel->out_fds[channel->out_fd_count++] = (struct waiting_fd){
            .at = channel->sent + (channel->out.end - channel->out.begin), .fd = copy};
    }
    put_u32(head, (uint32_t)body.length);
    head[4] = (unsigned char)(type & 0xff);
    head[5] = (unsigned char)(type >> 8);
    head[6] = fd >= 0;
    buffer_add(&channel->out, head, sizeof head);
    buffer_add(&channel->out, body.bytes, body.length);
    if (channel->write_event && !channel->flush_deferred) {
        channel->flush_deferred = true;
        event_active(channel->write_event, EV_WRITE, 0);
    }
}

size_t
channel_pending(const struct channel *channel)
{
    return channel->out.end - channel->out.begin;
}

/* Send the first octet of a frame together with its descriptor. */
static ssize_t
send_with_fd(struct channel *channel, int fd, const char *bytes, size_t length)
{
    union {
        struct cmsghdr head;
        char room[CMSG_SPACE(sizeof(int))];
    } control;
    struct iovec part = {.iov_base = (void *)(uintptr_t)bytes, .iov_len = length};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof control.room};

    memset(&control, 0, sizeof control);
    control.head.cmsg_level = SOL_SOCKET;
    control.head.cmsg_type = SCM_RIGHTS;
    control.head.cmsg_len = CMSG_LEN(sizeof fd);
    memcpy(CMSG_DATA(&control.head), &fd, sizeof fd);
    return sendmsg(channel->fd, &message, MSG_NOSIGNAL);
}

/* One write: up to the next frame with a descriptor, or that frame's head with it. */
static ssize_t
send_part(struct channel *channel)
{
    const char *bytes = channel->out.bytes + channel->out.begin;
    size_t length = channel_pending(channel);

    if (channel->out_fd_count > 0) {
        struct waiting_fd first = channel->out_fds[0];
        ssize_t done;

        if (first.at > channel->sent) {
            if (length > first.at - channel->sent)
                length = (size_t)(first.at - channel->sent);
            return send(channel->fd, bytes, length, MSG_NOSIGNAL);
        }
        done = send_with_fd(channel, first.fd, bytes, HEAD_LENGTH);
        if (done > 0) {
            close(first.fd);
            channel->out_fd_count--;
            memmove(channel->out_fds, channel->out_fds + 1,
                    channel->out_fd_count * sizeof channel->out_fds[0]);
        }
        return done;
    }
    return send(channel->fd, bytes, length, MSG_NOSIGNAL);
}

bool
channel_flush(struct channel *channel)
{
    while (!channel->gone && channel_pending(channel) > 0) {
        ssize_t done = send_part(channel);

        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            return true;
        if (done < 0) {
            channel->gone = true;
            break;
        }
        channel->out.begin += (size_t)done;
        channel->sent += (uint64_t)done;
    }
    buffer_shrink(&channel->out);
    return !channel->gone;
}

/* Keep the descriptors that came with a piece of the stream. */
static void
take_fds(struct channel *channel, struct msghdr *message)
{
    for (struct cmsghdr *head = CMSG_FIRSTHDR(message); head;
         head = CMSG_NXTHDR(message, head)) {
        size_t count;

        if (head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_RIGHTS)
            continue;
        count = (head->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < count; i++) {
            int fd;

            memcpy(&fd, CMSG_DATA(head) + i * sizeof fd, sizeof fd);
            if (channel->in_fd_count == FD_LIMIT) {
                close(fd);
                channel->broken = true;
            } else {
                channel->in_fds[channel->in_fd_count++] = fd;
            }
        }
    }
    if (message->msg_flags & MSG_CTRUNC)
        channel->broken = true;
}

/* One read. 1: something came, 0: nothing now, -1: the peer is gone. */
static int
receive_part(struct channel *channel)
{
    union {
        struct cmsghdr head;
        char room[CMSG_SPACE(8 * sizeof(int))];
    } control;
    struct iovec part;
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control};
    ssize_t got;

    buffer_reserve(&channel->in, READ_SIZE / 4);
    part.iov_base = channel->in.bytes + channel->in.end;
    part.iov_len = channel->in.room - channel->in.end;
    message.msg_controllen = sizeof control.room;
    do
        got = recvmsg(channel->fd, &message, MSG_CMSG_CLOEXEC);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        return errno == EAGAIN || errno == EWOULDBLOCK ? 0 : -1;
    take_fds(channel, &message);
    if (got == 0)
        return -1;
    channel->in.end += (size_t)got;
    return (size_t)got < part.iov_len && message.msg_controllen == 0 ? 0 : 1;
}

bool
channel_fill(struct channel *channel)
{
    size_t before = channel->in.end - channel->in.begin;

    while (!channel->gone && !channel->broken) {
        int more = receive_part(channel);

        if (more < 0)
            channel->gone = true;
        if (more <= 0 || channel->in.end - channel->in.begin - before > READ_SIZE)
            break;
    }
    return !channel->gone && !channel->broken;
}

bool
channel_next(struct channel *channel, struct frame *frame)
{
    size_t have = channel->in.end - channel->in.begin;
    const char *head;
    uint32_t length;

    if (channel->broken || have < HEAD_LENGTH) {
        buffer_shrink(&channel->in);
        return false;
    }
    head = channel->in.bytes + channel->in.begin;
    length = get_u32(head);
    if (length > CHANNEL_FRAME_LIMIT || (unsigned char)head[6] > 1 || head[7] != 0) {
        channel->gone = channel->broken = true;
        return false;
    }
    if (have < HEAD_LENGTH + length) {
        buffer_reserve(&channel->in, HEAD_LENGTH + length - have);
        return false;
    }
    if (head[6] && channel->in_fd_count == 0) {
        channel->gone = channel->broken = true;
        return false;
    }
    frame->type =
        (uint16_t)((unsigned char)head[4] | (unsigned)(unsigned char)head[5] << 8);
    frame->payload = (struct span){head + HEAD_LENGTH, length};
    frame->fd = -1;
    if (head[6]) {
        frame->fd = channel->in_fds[0];
        channel->in_fd_count--;
        memmove(channel->in_fds, channel->in_fds + 1,
                channel->in_fd_count * sizeof channel->in_fds[0]);
    }
    channel->in.begin += HEAD_LENGTH + length;
    return true;
}

bool
channel_has_input(const struct channel *channel)
{
    struct pollfd question = {.fd = channel->fd, .events = POLLIN};

    return channel->in.end > channel->in.begin || poll(&question, 1, 0) > 0;
}

bool
channel_is_broken(const struct channel *channel)
{
    return channel->broken;
}

/* Wait until the descriptor is ready; false at the deadline. */
static bool
wait_for(struct channel *channel, short what, int64_t deadline)
{
    for (;;) {
        struct pollfd poll_fd = {.fd = channel->fd, .events = what};
        int64_t left = deadline == INT64_MAX ? -1 : deadline - clock_monotonic();
        int timeout = left < 0 ? (deadline == INT64_MAX ? -1 : 0)
                               : (left > 1000000 ? 1000000 : (int)left);
        int got = poll(&poll_fd, 1, timeout);

        if (got > 0 || (got < 0 && errno != EINTR))
            return true;
        if (got == 0 && deadline != INT64_MAX && clock_monotonic() >= deadline)
            return false;
    }
}

bool
channel_send_all(struct channel *channel)
{
    while (channel_flush(channel) && channel_pending(channel) > 0)
        wait_for(channel, POLLOUT, INT64_MAX);
    return !channel->gone;
}

enum channel_wait
channel_wait(struct channel *channel, int64_t deadline, struct frame *frame)
{
    for (;;) {
        if (channel_next(channel, frame))
            return CHANNEL_FRAME;
        if (channel->gone || channel->broken)
            return CHANNEL_GONE;
        if (!wait_for(channel, POLLIN, deadline))
            return CHANNEL_TIMEOUT;
        channel_fill(channel);
    }
}

/* Tell the owner once that the peer is gone; he may free the channel in there. */
static void
channel_lost(struct channel *channel)
{
    void (*lost)(struct channel *, void *) = channel->lost;

    event_del(channel->read_event);
    event_del(channel->write_event);
    channel->lost = NULL;
    if (lost)
        lost(channel, channel->context);
}

static void
on_readable(int fd, short what, void *argument)
{
    struct channel *channel = argument;
    bool alive = channel_fill(channel);

    (void)fd;
    (void)what;
    if (!channel->lost) /* told already */
        return;
    /* What came before the end still counts; `ready` may not free the channel. */
    channel->ready(channel, channel->context);
    if (!alive || channel->gone || channel->broken)
        channel_lost(channel);
}

static void
on_writable(int fd, short what, void *argument)
{
    struct channel *channel = argument;

    (void)fd;
    (void)what;
    channel->flush_deferred = false;
    if (!channel_flush(channel)) {
        if (channel->lost)
            channel_lost(channel);
        return;
    }
    if (channel_pending(channel) > 0 && !channel->write_wanted) {
        channel->write_wanted = true;
        event_add(channel->write_event, NULL);
    } else if (channel_pending(channel) == 0 && channel->write_wanted) {
        channel->write_wanted = false;
        event_del(channel->write_event);
    }
}

void
channel_attach(struct channel *channel, struct event_base *base,
               void (*ready)(struct channel *channel, void *context),
               void (*gone)(struct channel *channel, void *context), void *context)
{
    channel->ready = ready;
    channel->lost = gone;
    channel->context = context;
    channel->read_event =
        event_new(base, channel->fd, EV_READ | EV_PERSIST, on_readable, channel);
    channel->write_event =
        event_new(base, channel->fd, EV_WRITE | EV_PERSIST, on_writable, channel);
    event_add(channel->read_event, NULL);
    /* What was read before counts as just come. */
    if (channel->in.end > channel->in.begin)
        event_active(channel->read_event, EV_READ, 0);
    if (channel_pending(channel) > 0)
        event_active(channel->write_event, EV_WRITE, 0);
}
