/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where things lie on this system; the build gives other values with -D. */
#ifndef CONFIG_PLACES_H
#define CONFIG_PLACES_H

#ifndef SMAIL_LIB_DIR
#define SMAIL_LIB_DIR "/usr/lib/smail"
#endif
#ifndef SMAIL_SPOOL_DIR
#define SMAIL_SPOOL_DIR "/var/spool/smail"
#endif
#ifndef SMAIL_RUN_DIR
#define SMAIL_RUN_DIR "/run/smail"
#endif
#ifndef SMAIL_ALIASES
#define SMAIL_ALIASES "/etc/aliases"
#endif
#ifndef SMAIL_OLD_ALIASES
#define SMAIL_OLD_ALIASES "/usr/lib/aliases"
#endif
#ifndef SMAIL_MAIL_DIR
#define SMAIL_MAIL_DIR "/var/mail"
#endif
#ifndef SMAIL_PROGRAM
#define SMAIL_PROGRAM "/usr/sbin/sendmail"
#endif

#endif
