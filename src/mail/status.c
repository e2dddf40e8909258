/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Codes of mail, each kind in one table. */
#include "mail/status.h"

#include <stdint.h>
#include <string.h>

#include "base/banned.h"

static const struct {
    int number;
    const char *meaning;
} smail_errors[] = {
    {ERR_UNKNOWN_USER, "unknown user"},
    {ERR_UNKNOWN_HOST, "unknown host"},
    {ERR_METHOD_TRANSPORT, "transport named in method file not found"},
    {ERR_ROUTER_TRANSPORT, "router's default transport not found"},
    {ERR_SECURITY, "security violation: file, pipe or include refused"},
    {ERR_NO_PIPE_TRANSPORT, "no pipe transport"},
    {ERR_NO_FILE_TRANSPORT, "no file transport"},
    {ERR_DIRECTOR_DRIVER, "director driver not found"},
    {ERR_ROUTER_DRIVER, "router driver not found"},
    {ERR_NO_TRANSPORT, "no transport for router"},
    {ERR_ADDRESS_PARSE, "address cannot be parsed"},
    {ERR_ALIAS_OPEN, "alias database cannot be opened"},
    {ERR_ALIAS_PARSE, "alias cannot be parsed"},
    {ERR_FORWARD_PATH, "path of forward file is not absolute"},
    {ERR_FORWARD_PARSE, "forward file cannot be parsed"},
    {ERR_INCLUDE_NAME, "name of include file cannot be expanded"},
    {ERR_INCLUDE_OPEN, "include file cannot be opened"},
    {ERR_INCLUDE_READ, "include file cannot be read"},
    {ERR_INCLUDE_PARSE, "include file cannot be parsed"},
    {ERR_SMARTUSER_EXPAND, "new_user of smartuser cannot be expanded"},
    {ERR_SMARTUSER_PARSE, "new_user of smartuser cannot be parsed"},
    {ERR_USER_TRANSPORT, "transport of director user is not defined"},
    {ERR_NO_SMART_HOST, "no smart host information"},
    {ERR_SMART_PATH, "path to smart host cannot be parsed"},
    {ERR_USER_EXPAND, "user cannot be expanded"},
    {ERR_USER_SLASH, "user name contains a slash"},
    {ERR_FILE_OR_DIR, "file or dir missing"},
    {ERR_FILE_EXPAND, "file or dir cannot be expanded"},
    {ERR_FILE_ABSOLUTE, "path is not absolute"},
    {ERR_FILE_OPEN, "output file cannot be opened"},
    {ERR_MAILBOX_LOCK, "mailbox cannot be locked"},
    {ERR_MAILBOX_WRITE, "mailbox cannot be written"},
    {ERR_FILE_RENAME, "queue file cannot be renamed"},
    {ERR_NO_COMMAND, "no command"},
    {ERR_COMMAND, "error in command"},
    {ERR_COMMAND_ABSOLUTE, "path of command is not absolute"},
    {ERR_FORK, "process cannot be created"},
    {ERR_PIPE_WRITE, "write to pipe failed"},
    {ERR_PIPE_WAIT, "child process was lost"},
    {ERR_PIPE_SIGNAL, "child process killed by a signal"},
    {ERR_PIPE_STATUS, "child process ended with an error"},
    {ERR_HOP_COUNT, "too many hops"},
    {ERR_TRANSPORT_DRIVER, "transport driver not found"},
    {ERR_INPUT_PARSE, "address given on input cannot be parsed"},
    {ERR_SMTP_CONNECT, "SMTP connection failed"},
    {ERR_SMTP_GREETING, "SMTP greeting failed"},
    {ERR_SMTP_HELLO, "SMTP session was refused"},
    {ERR_SMTP_TEMPORARY, "temporary SMTP failure or time-out"},
    {ERR_SMTP_PERMANENT, "permanent SMTP refusal"},
    {ERR_SMTP_STORAGE, "remote storage is full"},
    {ERR_SMTP_WRITE, "write to remote host failed"},
    {ERR_SPOOL_READ, "spool file cannot be read"},
    {ERR_SMTP_RECIPIENT, "remote host refused recipient"},
    {ERR_LITERAL, "malformed domain literal"},
    {ERR_ALIAS_LOOKUP, "alias lookup failed"},
    {ERR_TRANSPORT, "transport not found"},
    {ERR_DNS_LOST, "name server connection lost"},
    {ERR_DNS_FAILURE, "name server failure"},
    {ERR_DNS_PACKET, "bad packet from name server"},
    {ERR_NO_USABLE_MX, "no usable mail exchanger"},
    {ERR_MX_LOCAL, "mail exchanger is this host"},
    {ERR_SMTP_SILENT, "no greeting from remote SMTP server"},
    {ERR_RETRY_DURATION, "retry duration is over"},
    {ERR_RETRY_INTERVAL, "retry interval is not over"},
    {ERR_CNAME, "CNAME loop or too many CNAMEs"},
    {ERR_HOST_NOT_FOUND, "host not in DNS"},
    {ERR_RESOLVE_TIMEOUT, "resolving took too long"},
};

const char *
smail_error_meaning(int number)
{
    for (size_t i = 0; i < sizeof(smail_errors) / sizeof(smail_errors[0]); i++)
        if (smail_errors[i].number == number)
            return smail_errors[i].meaning;
    return NULL;
}

/* One to three digits without needless zeros; takes them off `rest`. */
static bool
take_part(struct span *rest)
{
    size_t length = 0;

    while (length < rest->length && length < 4 && byte_is_digit(rest->bytes[length]))
        length++;
    if (length == 0 || length > 3 || (length > 1 && rest->bytes[0] == '0'))
        return false;
    *rest = span_from(*rest, length);
    return true;
}

static bool
take_dot(struct span *rest)
{
    if (rest->length == 0 || rest->bytes[0] != '.')
        return false;
    *rest = span_from(*rest, 1);
    return true;
}

bool
status_is_valid(struct span status, int code)
{
    char class = status.length > 0 ? status.bytes[0] : '\0';
    struct span rest = span_from(status, 1);

    if ((class != '2' && class != '4' && class != '5') ||
        (code > 0 && code / 100 != class - '0'))
        return false;
    return take_dot(&rest) && take_part(&rest) && take_dot(&rest) && take_part(&rest) &&
           rest.length == 0;
}

/* ------------------------------------------------------------ reply to status */

/* Replies of which RFC 5321, 5248, 7504 or 4954 says more than their class does. */
static const struct {
    int code;
    const char *status;
} code_status[] = {
    {421, "4.3.2"}, {450, "4.2.0"}, {451, "4.3.0"},  {452, "4.3.1"}, {454, "4.7.0"},
    {455, "4.5.4"}, {500, "5.5.2"}, {501, "5.5.4"},  {502, "5.5.1"}, {503, "5.5.1"},
    {504, "5.5.4"}, {521, "5.3.2"}, {530, "5.7.0"},  {535, "5.7.8"}, {551, "5.1.6"},
    {552, "5.2.2"}, {553, "5.1.3"}, {556, "5.1.10"}, {555, "5.5.4"},
};

static const char *
status_of_code(int code)
{
    for (size_t i = 0; i < sizeof(code_status) / sizeof(code_status[0]); i++)
        if (code_status[i].code == code)
            return code_status[i].status;
    return code / 100 == 2 ? "2.0.0" : code / 100 == 5 ? "5.0.0" : "4.0.0";
}

void
status_from_reply(int code, struct span text, char status[8])
{
    struct span found = span_first(text, span_find(text, ' '));

    if (code < 200 || found.length > 7 || !status_is_valid(found, code))
        found = span_of(status_of_code(code));
    memcpy(status, found.bytes, found.length);
    status[found.length] = '\0';
}

/* ------------------------------------------------------------ status to reply */

/*
 * By subject and detail; whether it is permanent the caller knows.
 * A detail of -1 stands for all others of its subject. RFC 3463, RFC 5248, and for
 * 6.7 RFC 6531 3.5.
 */
static const struct {
    int subject, detail;
    int temporary, permanent;
} status_codes[] = {
    {1, 1, 450, 550},  {1, 2, 450, 550}, {1, 3, 451, 553},  {1, 4, 451, 553},
    {1, 6, 450, 550},  {1, 7, 451, 553}, {1, 8, 451, 553},  {1, 10, 451, 556},
    {1, -1, 450, 550}, {2, 2, 452, 552}, {2, 3, 452, 552},  {2, -1, 450, 550},
    {3, 1, 452, 552},  {3, 4, 452, 552}, {3, -1, 451, 554}, {4, -1, 451, 554},
    {5, 1, 451, 503},  {5, 2, 451, 501}, {5, 3, 452, 550},  {5, 4, 451, 501},
    {5, -1, 451, 554}, {6, 7, 451, 553}, {6, -1, 451, 554}, {7, 8, 454, 535},
    {7, -1, 451, 550},
};

int
reply_from_status(const char *status, bool permanent)
{
    struct span rest = span_of(status), class, subject, detail;
    uint64_t first, second;

    if (!status_is_valid(rest, 0) || !span_next(&rest, '.', &class) ||
        !span_next(&rest, '.', &subject) || !span_next(&rest, '.', &detail) ||
        !span_number(subject, 999, &first) || !span_number(detail, 999, &second))
        return permanent ? 554 : 451;
    for (size_t i = 0; i < sizeof(status_codes) / sizeof(status_codes[0]); i++)
        if (status_codes[i].subject == (int)first &&
            (status_codes[i].detail == (int)second || status_codes[i].detail == -1))
            return permanent ? status_codes[i].permanent : status_codes[i].temporary;
    return permanent ? 554 : 451;
}
