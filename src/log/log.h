/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One event record; logfile and paniclog in Smail's form, JSON, and syslog are renderings
 * of it, chosen by `log_format`. Whole lines go out with one write to descriptors that
 * the master opened. A log that cannot be written never stops mail; lost lines are
 * counted and told when it can be written again.
 */
#ifndef LOG_LOG_H
#define LOG_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/text.h"
#include "config/settings.h"
#include "mail/address.h"
#include "mail/envelope.h"

enum log_stream { LOG_TRANSACTIONS, LOG_PANIC, LOG_STREAMS };

enum log_event {
    EVENT_RECEIVED,
    EVENT_DELIVERED, /* also relayed */
    EVENT_DEFERRED,
    EVENT_FAILED,
    EVENT_BOUNCED,   /* a report was made: `text` is "error returned to a@b" */
    EVENT_COMPLETED, /* nothing of the message is left */
    EVENT_REMOVED,   /* by the operator */
    EVENT_HELD,
    EVENT_RELEASED,
    EVENT_REFUSED, /* an SMTP client was refused */
    EVENT_ROLE,    /* started, ended, reloaded: `text` */
    EVENT_PANIC,   /* needs a human */
};

/* Fields that are NULL or empty are left out. Text from outside is cleaned and cut when
 * rendered. */
struct log_record {
    enum log_event event;
    int64_t time;                            /* ms since 1970 */
    const char *id;                          /* message id or NULL */
    const struct envelope *envelope;         /* EVENT_RECEIVED */
    const char *address, *parent, *original; /* to, the one before, orig-to */
    const char *director, *router, *transport, *next_hop;
    const char *user;
    enum outcome outcome;
    const struct error *error;
    const char *remote, *diagnostic;
    const char *peer; /* client of a refusal */
    int64_t delay;    /* ms since receipt; -1: none */
    int64_t attempt;  /* ms this attempt took; -1: none */
    const char *text;
    const char *program, *role;
};
struct log_record log_record_new(enum log_event event);

/* Render one line (with its line end). Classic form of the Guide on one line with '|'
 * items. */
void log_render(const struct log_record *record, const char *format, int64_t level,
                struct text *line);

/* A process's log: buffered lines, flushed with one write a stream. */
struct log;
struct log *log_new(const struct settings *settings, const char *role);
void log_configure(struct log *log, const struct settings *settings);
/* A descriptor of the master; the old one is closed. -1: standard error. */
void log_descriptor(struct log *log, enum log_stream stream, int fd);
/* Panic events go to both streams. Written at log_flush() or when the buffer is full. */
void log_write(struct log *log, const struct log_record *record);
/* Shorthand for EVENT_ROLE and EVENT_PANIC. */
void log_say(struct log *log, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void log_panic(struct log *log, const char *id, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void log_flush(struct log *log);
uint64_t log_lost(const struct log *log);
void log_free(struct log *log);

#endif
