/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reply codes (RFC 5321 4.2), enhanced codes (RFC 3463), Smail's error numbers. */
#ifndef MAIL_STATUS_H
#define MAIL_STATUS_H

#include <stdbool.h>

#include "base/span.h"

/* Smail's error numbers that this program uses (reference 9.8): one table, one place. */
enum smail_error {
    ERR_UNKNOWN_USER = 100,
    ERR_UNKNOWN_HOST = 101,
    ERR_METHOD_TRANSPORT = 102,
    ERR_ROUTER_TRANSPORT = 103,
    ERR_SECURITY = 104,
    ERR_NO_PIPE_TRANSPORT = 105,
    ERR_NO_FILE_TRANSPORT = 106,
    ERR_DIRECTOR_DRIVER = 107,
    ERR_ROUTER_DRIVER = 109,
    ERR_NO_TRANSPORT = 110,
    ERR_ADDRESS_PARSE = 111,
    ERR_ALIAS_OPEN = 112,
    ERR_ALIAS_PARSE = 113,
    ERR_FORWARD_PATH = 114,
    ERR_FORWARD_PARSE = 115,
    ERR_INCLUDE_NAME = 116,
    ERR_INCLUDE_OPEN = 117,
    ERR_INCLUDE_READ = 118,
    ERR_INCLUDE_PARSE = 119,
    ERR_SMARTUSER_EXPAND = 120,
    ERR_SMARTUSER_PARSE = 121,
    ERR_USER_TRANSPORT = 122,
    ERR_NO_SMART_HOST = 125,
    ERR_SMART_PATH = 126,
    ERR_USER_EXPAND = 128,
    ERR_USER_SLASH = 129,
    ERR_FILE_OR_DIR = 130,
    ERR_FILE_EXPAND = 131,
    ERR_FILE_ABSOLUTE = 132,
    ERR_FILE_OPEN = 133,
    ERR_MAILBOX_LOCK = 134,
    ERR_MAILBOX_WRITE = 135,
    ERR_FILE_RENAME = 136,
    ERR_NO_COMMAND = 137,
    ERR_COMMAND = 138,
    ERR_COMMAND_ABSOLUTE = 139,
    ERR_FORK = 140,
    ERR_PIPE_WRITE = 141,
    ERR_PIPE_WAIT = 142,
    ERR_PIPE_SIGNAL = 143,
    ERR_PIPE_STATUS = 144,
    ERR_HOP_COUNT = 145,
    ERR_TRANSPORT_DRIVER = 146,
    ERR_INPUT_PARSE = 147,
    ERR_SMTP_CONNECT = 148,
    ERR_SMTP_GREETING = 149,
    ERR_SMTP_HELLO = 150,
    ERR_SMTP_TEMPORARY = 151,
    ERR_SMTP_PERMANENT = 152,
    ERR_SMTP_STORAGE = 153,
    ERR_SMTP_WRITE = 154,
    ERR_SPOOL_READ = 155,
    ERR_SMTP_RECIPIENT = 156,
    ERR_LITERAL = 157,
    ERR_ALIAS_LOOKUP = 158,
    ERR_TRANSPORT = 162,
    ERR_DNS_LOST = 163,
    ERR_DNS_FAILURE = 164,
    ERR_DNS_PACKET = 165,
    ERR_NO_USABLE_MX = 168,
    ERR_MX_LOCAL = 169,
    ERR_SMTP_SILENT = 172,
    ERR_RETRY_DURATION = 173,
    ERR_RETRY_INTERVAL = 174,
    ERR_CNAME = 177,
    ERR_HOST_NOT_FOUND = 178,
    ERR_RESOLVE_TIMEOUT = 184,
};

/* The sentence for a number in manual and `smailctl`; NULL when it is none of ours. */
const char *smail_error_meaning(int number);

/* "5.1.1" and the like: well formed, of the class of `code` (2xx, 4xx, 5xx) if > 0. */
bool status_is_valid(struct span status, int code);

/* The enhanced code at the beginning of a reply's text, else a general one for `code`. */
void status_from_reply(int code, struct span text, char status[8]);

/* A fitting reply for an error of ours: 451, 550, 552, ... */
int reply_from_status(const char *status, bool permanent);

#endif
