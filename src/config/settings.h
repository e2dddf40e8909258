/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The variables of the `config` file, one field each; declared (default, range, help) in
 * settings.c. Names are those of the file. Computed fields follow from others and from
 * the system's name.
 */
#ifndef CONFIG_SETTINGS_H
#define CONFIG_SETTINGS_H

#include "config/attribute.h"

struct settings {
    /* names and identity (reference 3.1) */
    struct list hostnames; /* computed when unset; the first is the primary name */
    struct list more_hostnames;
    struct list domains;
    const char *visible_name; /* computed when unset */
    const char *uucp_name;    /* computed when unset */
    const char *primary_name; /* read only */
    struct list auth_domains;
    const char *postmaster_address;
    const char *nobody;
    struct expanded smart_user;
    const char *smart_path;
    const char *smart_transport;
    const char *sender_env_variable;
    struct list trusted_users;
    struct list trusted_groups;

    /* files and directories (3.2) */
    const char *smail_lib_dir;
    const char *smail_util_dir;
    const char *smail;
    const char *config_file; /* read only */
    const char *second_config_file;
    const char *director_file;
    const char *router_file;
    const char *transport_file;
    const char *qualify_file;
    const char *retry_file;
    const char *method_dir;
    const char *copying_file;
    bool require_configs;
    struct list spool_dirs;
    const char *spool_dir; /* read only: the one in use */
    const char *run_dir;   /* "": /run/smail for the system's spool, else SPOOL/run */
    const char *logfile;
    const char *paniclog;
    const char *console;
    bool auto_mkdir;
    struct mode auto_mkdir_mode;
    struct mode spool_mode;
    struct mode log_mode;

    /* logging */
    const char *log_format; /* smail, json, syslog */
    const char *syslog_facility;
    int64_t log_level;

    /* delivery and queue (3.3) */
    const char *delivery_mode;
    bool queue_only;
    const char *delivery_grades;
    const char *runq_grades;
    struct list grades;
    struct grade spool_grade;
    int64_t max_hop_count;
    int64_t max_received_fields;
    struct size max_message_size;
    struct duration retry_interval;
    struct duration retry_interval_max; /* back-off doubles up to this */
    struct duration retry_duration;
    struct duration resolve_timeout;
    struct duration
        warning_time; /* age at which the sender is told of a delay; 0: never */
    struct duration bounce_queue_time; /* retry_duration of bounces */
    int64_t bounce_size_limit; /* octets of the original that go back; 0: header only */
    bool error_copy_postmaster;
    bool switch_percent_and_bang;
    struct duration min_queue_age;
    int64_t fnlock_retries;
    struct duration fnlock_interval;
    struct mode fnlock_mode;
    bool flock_mailbox;
    struct duration pipe_timeout;    /* time a command may take */
    struct size pipe_output_limit;   /* of a command's output that is kept */
    int64_t max_expansion_depth;     /* parents of an address */
    int64_t max_expansion_addresses; /* that one message may become */
    struct size max_forward_size;    /* of a .forward or list */

    /* concurrency */
    int64_t receive_processes;
    int64_t resolve_workers;
    int64_t verify_workers;
    int64_t remote_workers;          /* at most */
    int64_t user_workers;            /* at most */
    int64_t destination_concurrency; /* deliveries at once to one destination */
    struct duration worker_idle;     /* an idle worker ends after this */
    int64_t worker_jobs;             /* a worker ends after so many jobs; 0: never */
    struct duration host_status_ttl; /* a hint is forgotten after this */

    /* SMTP server (3.4 and ours) */
    int64_t smtp_accept_max;
    int64_t smtp_accept_queue;
    int64_t smtp_accept_max_per_host;
    int64_t local_accept_max_per_user;
    struct expanded smtp_banner;
    bool smtp_info; /* VRFY and EXPN answer */
    struct duration smtp_receive_command_timeout;
    struct duration smtp_receive_message_timeout;
    int64_t smtp_minimum_rate; /* octets per second of text */
    int64_t smtp_max_recipients;
    int64_t smtp_max_errors;
    int64_t smtp_max_commands;        /* that are not mail, in one session */
    int64_t smtp_max_messages;        /* in one session */
    struct size smtp_line_limit;      /* of a command */
    struct size smtp_text_line_limit; /* of a line of text */
    struct size smtp_header_limit;
    struct size
        smtp_buffer_limit; /* text of all sessions together in memory of one process */
    struct size stream_threshold;  /* larger content gets a segment of its own */
    struct list smtp_remote_allow; /* networks that may relay */
    struct list smtp_listen;       /* "port", "address:port" (one item); -oX overrides */
    const char *listen_name;
    const char *smtp_bare_newline;  /* refuse, accept: for strangers */
    struct list smtp_reject_hosts;  /* networks */
    struct duration verify_timeout; /* for one recipient at RCPT */
    struct duration rfc1413_query_timeout;
    bool smtp_peer_name;         /* look up the name of a client's address */
    int64_t smtp_session_limit;  /* a receive process retires after so many sessions */
    struct list smailctl_users;  /* may see and do everything, as root may */
    struct duration submit_wait; /* a command waits so long for the owner of the spool */

    /* DNS */
    struct list name_servers; /* "address@port"; empty: those of resolv.conf */
    struct duration name_timeout;

    /* spool */
    struct size spool_reserve;      /* kept for outcomes and removals */
    struct size spool_free_minimum; /* of the file system; below it new mail gets 452 */
    struct size segment_size;       /* a segment is closed when it is larger */

    /* header templates (3.5) */
    struct expanded received_field;
    struct expanded message_id_field;
    struct expanded date_field;
    struct expanded from_field;
    struct expanded return_path_field;

    /* sandbox and users */
    const char *spool_user;   /* "smail" */
    const char *network_user; /* "smailnet" */
    const char *map_user;     /* "smailmap" */
    const char *mail_group;   /* group of mailboxes: "mail" */

    /* accepted from old files, without effect */
    int64_t hit_table_len, message_buf_size, max_load_ave, open_retries, open_interval;
    struct duration host_lock_timeout;
    struct mode message_log_mode, lock_mode;
    bool lock_by_name, smtp_debug;
};

extern const struct attribute settings_attributes[];

/* Fill the computed fields from the rest and the system's names. */
void settings_complete(struct settings *settings, const char *system_name,
                       const char *system_fqdn, struct arena *arena);

/* A name of Smail that is gone on purpose, and why, or NULL. */
const char *settings_obsolete(const char *name);

/* Directory of the local socket; see run_dir. */
const char *settings_run_dir(const struct settings *settings, struct arena *arena);

#endif
