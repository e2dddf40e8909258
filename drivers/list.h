/* One line for each driver; read several times by drivers/driver.c, for declarations and
 * tables. */
DIRECTOR(aliasfile)
DIRECTOR(user)

ROUTER(smarthost)

TRANSPORT(smtp)

LOOKUP(bsearch)
LOOKUP(gdbm)
LOOKUP(lsearch)
