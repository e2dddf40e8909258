/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * smtpd, -bs: SMTP on standard input and output, as inetd starts it. This process is a
 * wire between its client and the owner of the spool: it says once where the client is,
 * and from then on looks at no byte that passes. Its rights are gone before the first.
 */
#include "command/command.h"

#include <arpa/inet.h>
#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <netinet/in.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <syslog.h>
#include <unistd.h>

#include "base/clock.h"
#include "net/connection.h"

#include "base/banned.h"

enum {
    WINDOW = 64 << 10,
    GREETING_WAIT = 60000,
    GREETING_LIMIT = 16 << 10,
    LINE_LIMIT = 16 << 10,
};

/* One direction: what was read and not yet written. */
struct flow {
    int from, to;
    bool ended, shut; /* the reader's end came; it was told on */
    bool broken;
    size_t at, length;
    char bytes[WINDOW];
};

/* --- who the client is --- */

/* The words of XORIGIN; "LOCAL" for a terminal, a pipe or a socket of this host. */
static const char *
origin_words(int fd, struct arena *arena)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
        struct sockaddr_storage room;
    } peer;
    socklen_t length = sizeof peer;
    char text[INET6_ADDRSTRLEN];

    memset(&peer, 0, sizeof peer);
    if (getpeername(fd, &peer.any, &length) < 0)
        return "LOCAL";
    if (peer.any.sa_family == AF_INET &&
        inet_ntop(AF_INET, &peer.v4.sin_addr, text, sizeof text))
        return arena_format(arena, "NETWORK ADDRESS=%s PORT=%u", text,
                            ntohs(peer.v4.sin_port));
    if (peer.any.sa_family != AF_INET6)
        return "LOCAL";
    if (IN6_IS_ADDR_V4MAPPED(&peer.v6.sin6_addr)) {
        if (!inet_ntop(AF_INET, &peer.v6.sin6_addr.s6_addr[12], text, sizeof text))
            text[0] = '\0';
    } else if (!inet_ntop(AF_INET6, &peer.v6.sin6_addr, text, sizeof text)) {
        text[0] = '\0';
    }
    return arena_format(arena, "NETWORK ADDRESS=%s PORT=%u", text,
                        ntohs(peer.v6.sin6_port));
}

/* --- rights --- */

/*
 * root under inetd becomes the network user, for good. Without that user there is no
 * service: a parser of nothing is still no reason to serve strangers as root.
 */
static bool
rights_drop(const struct configuration *configuration, struct error *error)
{
    const char *name = configuration->settings.network_user;
    const struct passwd *user;

    if (geteuid() != 0)
        return true;
    user = getpwnam(name);
    if (!user || user->pw_uid == 0)
        return fail_permanent(error, "5.3.5", "there is no user %s to serve the network",
                              name);
    if (setgroups(0, NULL) < 0 ||
        setresgid(user->pw_gid, user->pw_gid, user->pw_gid) < 0 ||
        setresuid(user->pw_uid, user->pw_uid, user->pw_uid) < 0 || setuid(0) == 0)
        return fail_temporary(error, "4.3.0", "cannot become %s: %s", name,
                              strerror(errno));
    return true;
}

/* --- the wire --- */

static void
flow_read(struct flow *flow)
{
    ssize_t got = read(flow->from, flow->bytes, sizeof flow->bytes);

    if (got > 0) {
        flow->at = 0;
        flow->length = (size_t)got;
    } else if (got == 0 || (errno != EINTR && errno != EAGAIN)) {
        flow->ended = true;
    }
}

/* Never waits, or two that write to each other through us would wait for ever. */
static void
flow_write(struct flow *flow)
{
    const char *bytes = flow->bytes + flow->at;
    ssize_t put = send(flow->to, bytes, flow->length, MSG_DONTWAIT | MSG_NOSIGNAL);

    /* As much as a pipe takes at once when it is ready. */
    if (put < 0 && errno == ENOTSOCK)
        put = write(flow->to, bytes, flow->length < PIPE_BUF ? flow->length : PIPE_BUF);
    if (put >= 0) {
        flow->at += (size_t)put;
        flow->length -= (size_t)put;
    } else if (errno != EINTR && errno != EAGAIN) {
        flow->broken = true;
    }
}

/* The end is told on when all before it has been; a pipe is closed for that. */
static void
flow_end(struct flow *flow)
{
    if (!flow->ended || flow->length > 0 || flow->shut)
        return;
    flow->shut = true;
    if (shutdown(flow->to, SHUT_WR) < 0 && errno == ENOTSOCK)
        close(flow->to);
}

static short
flow_wants(const struct flow *flow, bool writing)
{
    if (flow->shut || flow->broken)
        return 0;
    if (writing)
        return flow->length > 0 ? POLLOUT : 0;
    return flow->length == 0 && !flow->ended ? POLLIN : 0;
}

/*
 * Until the owner of the spool has said its last word. Whether a client that is silent
 * for too long is put off is the session's to decide, not ours.
 */
static void
wire_run(struct flow *up, struct flow *down)
{
    while (!down->shut && !down->broken && !up->broken) {
        struct pollfd fds[4] = {
            {.fd = up->from, .events = flow_wants(up, false)},
            {.fd = up->to, .events = flow_wants(up, true)},
            {.fd = down->from, .events = flow_wants(down, false)},
            {.fd = down->to, .events = flow_wants(down, true)},
        };

        /* One that we want nothing of would wake us with its end again and again. */
        for (size_t i = 0; i < 4; i++)
            if (fds[i].events == 0)
                fds[i].fd = -1;
        if (poll(fds, 4, -1) < 0 && errno != EINTR)
            return;
        if (fds[0].revents)
            flow_read(up);
        if (fds[1].revents)
            flow_write(up);
        if (fds[2].revents)
            flow_read(down);
        if (fds[3].revents)
            flow_write(down);
        flow_end(up);
        flow_end(down);
    }
}

/* --- the beginning --- */

/* Under inetd standard error is the client, who has no use for our troubles. */
static void
complain(const struct options *options, const struct error *error)
{
    openlog(options->program, LOG_PID, LOG_MAIL);
    syslog(LOG_ERR, "%s", error->text);
    closelog();
    if (isatty(STDERR_FILENO))
        fprintf(stderr, "%s: %s\n", options->program, error->text);
}

static int
put_off(const struct options *options, int out, const struct error *error)
{
    static const char line[] = "421 4.3.2 mail is not served now, try again later\r\n";

    complain(options, error);
    if (write(out, line, sizeof line - 1) < 0)
        return EX_TEMPFAIL; /* the client is gone: nobody to put off */
    return EX_TEMPFAIL;
}

static bool
greeting_read(struct connection *connection, struct text *greeting, struct error *error)
{
    struct span line;

    do {
        if (greeting->length > GREETING_LIMIT)
            return fail_permanent(error, "5.3.5", "the greeting has no end");
        if (!connection_read_line(connection, LINE_LIMIT, &line, error))
            return false;
        text_add_span(greeting, line);
        text_add(greeting, "\r\n");
    } while (line.length > 3 && line.bytes[3] == '-');
    if (span_starts(line, "220"))
        return true;
    return fail_temporary(error, "4.3.2", "the owner of the spool says: %.*s",
                          (int)line.length, line.bytes);
}

/* The greeting is the client's; the answer to our XORIGIN is ours. */
static bool
owner_introduce(struct connection *connection, const char *origin, struct text *greeting,
                struct error *error)
{
    struct span line;

    connection_deadline(connection, clock_monotonic() + GREETING_WAIT);
    if (!greeting_read(connection, greeting, error) ||
        !connection_write(connection, span_of("XORIGIN "), error) ||
        !connection_write(connection, span_of(origin), error) ||
        !connection_write(connection, SPAN("\r\n"), error) ||
        !connection_flush(connection, error) ||
        !connection_read_line(connection, LINE_LIMIT, &line, error))
        return false;
    if (!span_starts(line, "250"))
        return fail_permanent(error, "5.3.5", "the owner of the spool refused: %.*s",
                              (int)line.length, line.bytes);
    return true;
}

static int
serve(const struct options *options, const struct configuration *configuration, int in,
      int out)
{
    static struct flow up, down; /* large, and there is one of each */
    const char *origin = origin_words(in, options->arena);
    struct text greeting = text_new(options->arena);
    struct error error = {0};
    struct connection *connection;
    int fd = owner_open(options, configuration, true,
                        configuration->settings.submit_wait.seconds * 1000, &error);

    if (fd < 0)
        return put_off(options, out, &error);
    connection = connection_from(fd);
    if ((strcmp(origin, "LOCAL") != 0 && !rights_drop(configuration, &error)) ||
        !owner_introduce(connection, origin, &greeting, &error)) {
        connection_close(connection);
        return put_off(options, out, &error);
    }
    up = (struct flow){.from = in, .to = fd};
    down = (struct flow){.from = fd, .to = out, .length = greeting.length};
    memcpy(down.bytes, greeting.bytes, greeting.length);
    wire_run(&up, &down);
    connection_close(connection);
    return EX_OK;
}

/*
 * inetd gives the client as standard input, and not always as output: where that is
 * closed (by now /dev/null) input serves for both.
 */
static int
output_descriptor(void)
{
    struct stat status;

    if (fstat(STDOUT_FILENO, &status) == 0 && S_ISCHR(status.st_mode) &&
        !isatty(STDOUT_FILENO) && fstat(STDIN_FILENO, &status) == 0 &&
        S_ISSOCK(status.st_mode))
        return STDIN_FILENO;
    return STDOUT_FILENO;
}

int
command_smtp(const struct options *options)
{
    struct configuration *configuration =
        command_configuration(options, NULL, options->arena);
    int code;

    signal(SIGPIPE, SIG_IGN);
    code = serve(options, configuration, STDIN_FILENO, output_descriptor());
    configuration_free(configuration);
    return code;
}
