/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A process's log: lines gathered and written to the descriptors that the master opened.
 */
#include "log/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include "base/clock.h"

#include "base/banned.h"

enum { FLUSH_SIZE = 32 << 10, SAY_LIMIT = 1000 };

struct stream {
    int fd;
    bool is_socket;
    char *bytes; /* whole lines */
    size_t length, room;
    uint64_t waiting_lines;
    uint64_t lost; /* lines that could not be written since the last that could */
};

struct log {
    char *role;
    char *format;
    int facility;
    int64_t level;
    struct stream streams[LOG_STREAMS];
    uint64_t lost;
    struct arena *arena; /* of the line being made */
};

static int
facility_of(const char *name)
{
    static const struct {
        const char *name;
        int facility;
    } rows[] = {{"mail", LOG_MAIL},     {"daemon", LOG_DAEMON}, {"user", LOG_USER},
                {"local0", LOG_LOCAL0}, {"local1", LOG_LOCAL1}, {"local2", LOG_LOCAL2},
                {"local3", LOG_LOCAL3}, {"local4", LOG_LOCAL4}, {"local5", LOG_LOCAL5},
                {"local6", LOG_LOCAL6}, {"local7", LOG_LOCAL7}};

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (name && strcmp(rows[i].name, name) == 0)
            return rows[i].facility;
    return LOG_MAIL;
}

void
log_configure(struct log *log, const struct settings *settings)
{
    free(log->format);
    log->format = memory_string(settings->log_format);
    log->facility = facility_of(settings->syslog_facility);
    log->level = settings->log_level;
}

struct log *
log_new(const struct settings *settings, const char *role)
{
    struct log *log = memory_alloc(sizeof *log);

    memset(log, 0, sizeof *log);
    log->role = memory_string(role);
    log->arena = arena_new();
    for (int i = 0; i < LOG_STREAMS; i++)
        log->streams[i].fd = -1;
    log_configure(log, settings);
    return log;
}

void
log_descriptor(struct log *log, enum log_stream which, int fd)
{
    struct stream *stream = &log->streams[which];
    struct stat status;

    log_flush(log);
    if (stream->fd >= 0)
        close(stream->fd);
    stream->fd = fd;
    stream->is_socket = fd >= 0 && fstat(fd, &status) == 0 && S_ISSOCK(status.st_mode);
}

/* One write of whole lines; what does not go out is lost, and counted. */
static bool
lines_write(struct stream *stream, const char *bytes, size_t length)
{
    ssize_t done;

    do
        done = stream->is_socket ? send(stream->fd, bytes, length, MSG_NOSIGNAL)
                                 : write(stream->fd, bytes, length);
    while (done < 0 && errno == EINTR);
    return done == (ssize_t)length;
}

/* A datagram for each line, with priority and tag. */
static bool
datagrams_write(const struct log *log, struct stream *stream, int priority)
{
    struct span rest = {stream->bytes, stream->length}, line;
    bool fine = true;

    while (span_next(&rest, '\n', &line)) {
        char datagram[2048];
        int length;

        if (line.length == 0)
            continue;
        length = snprintf(datagram, sizeof datagram, "<%d>smail[%d]: %.*s",
                          log->facility | priority, (int)getpid(),
                          (int)(line.length < 1900 ? line.length : 1900), line.bytes);
        if (length > 0 && !lines_write(stream, datagram, (size_t)length))
            fine = false;
    }
    return fine;
}

/* Say how many lines are missing, once one can be written again. */
static void
lost_tell(struct log *log, struct stream *stream)
{
    struct log_record record = log_record_new(EVENT_PANIC);
    struct text line = text_new(log->arena);
    char words[80];

    snprintf(words, sizeof words, "%llu lines of this log could not be written",
             (unsigned long long)stream->lost);
    record.time = clock_milliseconds();
    record.role = log->role;
    record.text = words;
    log_render(&record, log->format, log->level, &line);
    if (lines_write(stream, text_string(&line), line.length))
        stream->lost = 0;
}

static void
stream_flush(struct log *log, struct stream *stream, int priority)
{
    bool fine;

    if (stream->length == 0 || stream->fd < 0)
        return;
    if (stream->lost > 0)
        lost_tell(log, stream);
    fine = stream->is_socket ? datagrams_write(log, stream, priority)
                             : lines_write(stream, stream->bytes, stream->length);
    if (!fine) {
        stream->lost += stream->waiting_lines;
        log->lost += stream->waiting_lines;
    }
    stream->length = 0;
    stream->waiting_lines = 0;
}

void
log_flush(struct log *log)
{
    stream_flush(log, &log->streams[LOG_TRANSACTIONS], LOG_INFO);
    stream_flush(log, &log->streams[LOG_PANIC], LOG_CRIT);
    arena_reset(log->arena);
}

/* Lines that come before there is a descriptor wait for it, as far as there is room. */
static void
stream_add(struct log *log, struct stream *stream, const struct text *line)
{
    if (line->length == 0)
        return;
    if (stream->length + line->length > FLUSH_SIZE)
        log_flush(log);
    if (stream->length + line->length > FLUSH_SIZE) {
        stream->lost++;
        log->lost++;
        return;
    }
    if (stream->room < stream->length + line->length) {
        stream->room = stream->length + line->length + 4096;
        stream->bytes = memory_grow(stream->bytes, stream->room);
    }
    memcpy(stream->bytes + stream->length, line->bytes, line->length);
    stream->length += line->length;
    stream->waiting_lines++;
}

void
log_write(struct log *log, const struct log_record *record)
{
    struct log_record complete = *record;
    struct arena *arena = arena_new();
    struct text line = text_new(arena);

    if (complete.time == 0)
        complete.time = clock_milliseconds();
    if (!complete.role)
        complete.role = log->role;
    log_render(&complete, log->format, log->level, &line);
    stream_add(log, &log->streams[LOG_TRANSACTIONS], &line);
    if (complete.event == EVENT_PANIC) {
        stream_add(log, &log->streams[LOG_PANIC], &line);
        log_flush(log);
    }
    arena_free(arena);
}

void
log_say(struct log *log, const char *format, ...)
{
    struct log_record record = log_record_new(EVENT_ROLE);
    char words[SAY_LIMIT];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(words, sizeof words, format, arguments);
    va_end(arguments);
    record.text = words;
    log_write(log, &record);
}

void
log_panic(struct log *log, const char *id, const char *format, ...)
{
    struct log_record record = log_record_new(EVENT_PANIC);
    char words[SAY_LIMIT];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(words, sizeof words, format, arguments);
    va_end(arguments);
    record.id = id;
    record.text = words;
    log_write(log, &record);
}

uint64_t
log_lost(const struct log *log)
{
    return log->lost;
}

void
log_free(struct log *log)
{
    log_flush(log);
    for (int i = 0; i < LOG_STREAMS; i++) {
        if (log->streams[i].fd >= 0)
            close(log->streams[i].fd);
        free(log->streams[i].bytes);
    }
    arena_free(log->arena);
    free(log->role);
    free(log->format);
    free(log);
}
