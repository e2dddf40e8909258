/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Making a GDBM table from a text one, as newaliases does. The new file is written aside,
 * synced and renamed, so nobody ever sees half of it.
 */
#ifndef DRIVERS_LOOKUPS_GDBM_BUILD_H
#define DRIVERS_LOOKUPS_GDBM_BUILD_H

#include <stdint.h>

#include "base/error.h"
#include "base/text.h"

/* What sendmail's newaliases prints. */
struct gdbm_build {
    uint64_t entries;    /* kept */
    uint64_t longest;    /* octets of the longest value */
    uint64_t octets;     /* of all values */
    uint64_t duplicates; /* keys that stood there before; the first counts */
};

/*
 * Build `source`.gdbm from the text table `source` (reference 7.4), owned as the source
 * is and with its mode, without write permission for others.
 *
 *   addresses  the values are lists of addresses, and one that is not stops everything
 *   returns    false: nothing was changed; the error names file and line
 */
bool gdbm_build(const char *source, bool addresses, struct gdbm_build *result,
                struct error *error);

#endif
