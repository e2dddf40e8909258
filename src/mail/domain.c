/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Domain names and address literals, brought to the one form in which they are compared.
 * Names in ASCII, nearly all of them, are only checked and lowered; the rest is
 * libidn2's.
 */
#include "mail/domain.h"

#include <arpa/inet.h>
#include <idn2.h>
#include <string.h>

#include "base/utf8.h"
#include "mail/status.h"

#include "base/banned.h"

enum { NAME_MAX_OCTETS = 255, LABEL_MAX_OCTETS = 63, NAME_MAX_INPUT = 1024 };

/* The name itself is not in the text: it may come from a stranger, and the caller has it.
 */
static bool
domain_fail(struct error *error, const char *what)
{
    return fail_permanent_number(error, ERR_ADDRESS_PARSE, "5.1.2", "%s", what);
}

static bool
literal_fail(struct error *error)
{
    return fail_permanent_number(error, ERR_LITERAL, "5.1.3", "malformed domain literal");
}

/* Letters, digits and what the reference (8.1) allows in a target besides. */
static bool
byte_is_host(char byte)
{
    return byte_is_letter(byte) || byte_is_digit(byte) || byte == '-' || byte == '_' ||
           byte == '+' || byte == '=';
}

/* Lower one ASCII name into the arena, checking characters and the length of each label.
 */
static bool
domain_lower(struct span name, struct arena *arena, const char **domain,
             struct error *error)
{
    char *copy;
    size_t label = 0;

    if (name.length > 0 && name.bytes[name.length - 1] == '.')
        name.length--;
    if (name.length == 0)
        return domain_fail(error, "empty host name");
    if (name.length > NAME_MAX_OCTETS)
        return domain_fail(error, "host name too long");
    if (name.bytes[0] == '-')
        return domain_fail(error, "illegal character in hostname");
    copy = arena_bytes(arena, name.bytes, name.length);
    for (size_t i = 0; i <= name.length; i++) {
        if (i == name.length || copy[i] == '.') {
            if (label == 0)
                return domain_fail(error, "empty label in hostname");
            if (label > LABEL_MAX_OCTETS)
                return domain_fail(error, "label too long in hostname");
            label = 0;
        } else if (byte_is_host(copy[i])) {
            copy[i] = byte_lower(copy[i]);
            label++;
        } else {
            return domain_fail(error, "illegal character in hostname");
        }
    }
    *domain = copy;
    return true;
}

/*
 * UTS 46 may map characters to others (a full-width '@' to '@'), so what comes out is
 * checked like any other name.
 */
static bool
domain_encode(struct span name, struct arena *arena, const char **domain,
              struct error *error)
{
    uint8_t *encoded = NULL;
    struct span result;
    const char *copy;
    int code;

    if (name.length > NAME_MAX_INPUT || !utf8_is_valid(name) ||
        span_find(name, '\0') < name.length)
        return domain_fail(error, "illegal character in hostname");
    copy = span_string(name, arena);
    code = idn2_lookup_u8((const uint8_t *)copy, &encoded,
                          IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
    if (code == IDN2_MALLOC)
        return fail_temporary(error, "4.3.0", "no memory for a domain name");
    if (code != IDN2_OK)
        return domain_fail(error, idn2_strerror(code));
    result = span_of(arena_string(arena, (const char *)encoded));
    idn2_free(encoded);
    return domain_lower(result, arena, domain, error);
}

bool
domain_normalise(struct span name, bool utf8, struct arena *arena, const char **domain,
                 struct error *error)
{
    if (utf8_is_ascii(name))
        return domain_lower(name, arena, domain, error);
    if (!utf8)
        return fail_permanent_number(error, ERR_ADDRESS_PARSE, "5.6.7",
                                     "domain name beyond ASCII without SMTPUTF8");
    return domain_encode(name, arena, domain, error);
}

bool
domain_literal(struct span text, struct arena *arena, const char **literal,
               struct error *error)
{
    static const char tag[] = "IPv6:";
    char buffer[INET6_ADDRSTRLEN], canonical[INET6_ADDRSTRLEN];
    unsigned char address[sizeof(struct in6_addr)];
    struct span inner = text;
    bool six;

    if (text.length < 2 || text.bytes[0] != '[' || text.bytes[text.length - 1] != ']')
        return literal_fail(error);
    inner = span_from(span_first(text, text.length - 1), 1);
    six = span_starts_nocase(inner, tag);
    if (six)
        inner = span_from(inner, sizeof(tag) - 1);
    if (inner.length < sizeof(buffer) && span_find(inner, '\0') == inner.length) {
        memcpy(buffer, inner.bytes, inner.length);
        buffer[inner.length] = '\0';
        if (inet_pton(six ? AF_INET6 : AF_INET, buffer, address) == 1 &&
            inet_ntop(six ? AF_INET6 : AF_INET, address, canonical, sizeof(canonical))) {
            *literal = arena_format(arena, "[%s%s]", six ? tag : "", canonical);
            return true;
        }
    }
    return literal_fail(error);
}

/* Does the U-label form lead back to the same name? If not, showing it would mislead. */
static bool
domain_shows(const char *unicode, const char *domain)
{
    uint8_t *back = NULL;
    bool same = false;

    if (utf8_is_valid(span_of(unicode)) &&
        idn2_lookup_u8((const uint8_t *)unicode, &back,
                       IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL) == IDN2_OK)
        same = strcmp((const char *)back, domain) == 0;
    idn2_free(back);
    return same;
}

const char *
domain_show(const char *domain, struct arena *arena)
{
    const char *shown = domain;
    char *unicode = NULL;

    if (strstr(domain, "xn--") == NULL)
        return domain;
    if (idn2_to_unicode_8z8z(domain, &unicode, 0) == IDN2_OK &&
        domain_shows(unicode, domain))
        shown = arena_string(arena, unicode);
    idn2_free(unicode);
    return shown;
}

bool
domain_is_in(const char *domain, const char *suffix)
{
    size_t whole = strlen(domain), part = strlen(suffix);

    if (part == 0 || part > whole || strcmp(domain + whole - part, suffix) != 0)
        return false;
    return part == whole || domain[whole - part - 1] == '.';
}
