/* SPDX-License-Identifier: GPL-3.0-or-later */
/* smartuser: sends what no other director took to one place. */
#include <string.h>

#include "drivers/driver.h"
#include "mail/mailbox.h"
#include "mail/status.h"

#include "base/banned.h"

struct smartuser_config {
    struct expanded new_user;
    bool well_formed_only;
};

static const struct attribute smartuser_attributes[] = {
    ATTRIBUTE(struct smartuser_config, new_user, NULL,
              "the new address; the variable smart_user when unset"),
    ATTRIBUTE(struct smartuser_config, well_formed_only, NULL,
              "only names of letters, digits, blanks and -_+., blanks become dots"),
    {0},
};

/* Does the address stem from a director of this kind already? */
static bool
is_from_smartuser(const struct directing *directing)
{
    const struct entries *directors = &directing->configuration->directors;

    for (size_t i = 0; i < directing->ancestor_count; i++) {
        const struct entry *maker =
            entry_find(directors, directing->ancestors[i]->director);

        if (maker != NULL && maker->driver == directing->entry->driver)
            return true;
    }
    return false;
}

/* The name with runs of blanks and dots as single dots. NULL: it has something else. */
static const char *
name_collapse(const char *name, struct arena *arena)
{
    struct text text = text_new(arena);
    bool dot = false;

    for (; *name != '\0'; name++) {
        if (*name == ' ' || *name == '\t' || *name == '.') {
            dot = text.length > 0;
            continue;
        }
        if (!byte_is_letter(*name) && !byte_is_digit(*name) &&
            strchr("-_+", *name) == NULL)
            return NULL;
        if (dot)
            text_add_byte(&text, '.');
        dot = false;
        text_add_byte(&text, *name);
    }
    return text.length > 0 ? text_string(&text) : NULL;
}

static enum verdict
smartuser_defer(struct directing *directing, int number)
{
    error_prefix(&directing->error, "director %s: new_user", directing->entry->name);
    directing->error.permanent = false;
    directing->error.number = number;
    directing->report = REPORT_CONFIG;
    return VERDICT_DEFERRED;
}

/*
 * declined  nothing is set; the name is not well formed; it comes from here already
 * expanded  to the new address
 * deferred  the new address cannot be made (ERR_120) or is none (ERR_121)
 */
static enum verdict
smartuser_direct(const void *config, struct directing *directing)
{
    const struct smartuser_config *smart = config;
    const char *new_user = smart->new_user.text, *text;
    const char *name = directing->local_part;
    struct mailbox_item *items;
    struct address *child;

    if (new_user == NULL)
        new_user = directing->configuration->settings.smart_user.text;
    if (directing->address->kind != ADDRESS_MAIL || new_user == NULL ||
        new_user[0] == '\0') {
        driver_trace(directing->services, "no new address is set");
        return VERDICT_DECLINED;
    }
    name = smart->well_formed_only ? name_collapse(name, directing->arena)
                                   : mailbox_quote(span_of(name), directing->arena);
    if (name == NULL || is_from_smartuser(directing)) {
        driver_trace(directing->services,
                     name == NULL ? "the name is not well formed" : "it came from here");
        return VERDICT_DECLINED;
    }
    if (!directing_expand(directing, new_user, name, NULL, &text, &directing->error))
        return smartuser_defer(directing, ERR_SMARTUSER_EXPAND);
    if (!mailbox_list_parse(span_of(text), 0, 1, directing->arena, &items,
                            &directing->error))
        return smartuser_defer(directing, ERR_SMARTUSER_PARSE);
    if (items == NULL) {
        fail_temporary(&directing->error, "4.3.5", "no address");
        return smartuser_defer(directing, ERR_SMARTUSER_PARSE);
    }
    child = arena_alloc(directing->arena, sizeof(*child));
    child->text = items->text;
    child->source = "";
    directing->children = child;
    return VERDICT_EXPANDED;
}

const struct director_driver smartuser_director = {
    .driver = {.name = "smartuser",
               .meaning = "sends what no other director took to one place",
               .attributes = smartuser_attributes,
               .config_size = sizeof(struct smartuser_config)},
    .direct = smartuser_direct,
};
