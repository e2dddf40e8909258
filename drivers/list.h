/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One line for each driver; read several times by drivers/driver.c, for declarations and
 * tables. */
DIRECTOR(aliasfile)
DIRECTOR(aliasinclude)
DIRECTOR(forwardfile)
DIRECTOR(forwardinclude)
DIRECTOR(smartuser)
DIRECTOR(user)

ROUTER(bind)
ROUTER(gethostbyaddr)
ROUTER(gethostbyname)
ROUTER(smarthost)

TRANSPORT(appendfile)
TRANSPORT(pipe)
TRANSPORT(smtp)

LOOKUP(bsearch)
LOOKUP(gdbm)
LOOKUP(lsearch)
