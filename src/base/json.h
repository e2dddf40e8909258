/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * JSON out (RFC 8259), written by one small writer and never by printf. Invalid UTF-8 is
 * replaced by U+FFFD, so the result is always valid.
 */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include <stdint.h>

#include "base/text.h"

struct json {
    struct text *text;
    int depth;
    bool comma; /* something stands before at this level */
};

struct json json_new(struct text *text);

/* `name` is the member's name inside an object and NULL inside an array or at the top. */
void json_object(struct json *json, const char *name);
void json_array(struct json *json, const char *name);
void json_end_object(struct json *json);
void json_end_array(struct json *json);
void json_string(struct json *json, const char *name, const char *value); /* NULL: null */
void json_span(struct json *json, const char *name, struct span value);
void json_number(struct json *json, const char *name, int64_t value);
void json_bool(struct json *json, const char *name, bool value);

#endif
