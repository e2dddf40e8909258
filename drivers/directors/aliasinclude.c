/* SPDX-License-Identifier: GPL-3.0-or-later */
/* aliasinclude: lists that an alias file named with :include:, and the lists in them. */
#include "drivers/directors/include.h"

#include "base/banned.h"

/*
 * declined  not an included list, or another director's
 * expanded  to the addresses in the list
 * user      the list is a login user's, and this process is not that user
 * deferred  the list is missing (ERR_117), cannot be read (ERR_118), is none (ERR_119)
 */
static enum verdict
aliasinclude_direct(const void *config, struct directing *directing)
{
    static const char *const makers[] = {"aliasfile", "aliasinclude", NULL};

    return include_direct(config, directing, makers);
}

const struct director_driver aliasinclude_director = {
    .driver = {.name = "aliasinclude",
               .meaning = "lists that an alias file named with :include:",
               .attributes = include_attributes,
               .config_size = sizeof(struct include_config)},
    .direct = aliasinclude_direct,
};
