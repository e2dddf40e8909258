/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Each step of a walk, told to whoever listens: the trace of -d, and explain. */
#include "resolve/explain.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/banned.h"

const char *
verdict_name(enum verdict verdict)
{
    switch (verdict) {
    case VERDICT_DECLINED:
        return "declined";
    case VERDICT_ASSIGNED:
        return "matched";
    case VERDICT_EXPANDED:
        return "expanded";
    case VERDICT_USER:
        return "user";
    case VERDICT_DEFERRED:
        return "deferred";
    default:
        return "failed";
    }
}

void
walk_tell(const struct walk *walk, const struct step *step)
{
    const struct services *services = walk->services;
    const char *kind = step->entry->kind == ENTRY_ROUTER ? "router" : "director";
    bool failed = step->verdict == VERDICT_DEFERRED || step->verdict == VERDICT_FAILED;

    if (walk->explanation != NULL) {
        explanation_add(walk->explanation, step);
        return;
    }
    if (services->trace == NULL)
        return;
    driver_trace(services, "%s %s: %s: %s%s%s%s", kind, step->entry->name, step->key,
                 verdict_name(step->verdict), step->source[0] != '\0' ? " at " : "",
                 failed ? ": " : step->source, failed ? step->error->text : "");
}

void
walk_remark(const struct walk *walk, const struct node *node, const char *format, ...)
{
    struct step step = {.node = node, .source = ""};
    char text[512];
    va_list arguments;

    if (walk->services->trace == NULL)
        return;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    driver_trace(walk->services, "%s", text);
    if (walk->explanation != NULL)
        explanation_add(walk->explanation, &step);
}
