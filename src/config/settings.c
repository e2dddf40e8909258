/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The variables of the config file: one row each, from which parser, default, check, -bP
 * and the manual's table come.
 */
#include "config/settings.h"

#include "config/places.h"

#include "base/banned.h"

#define VARIABLE(field, value, meaning, ...)                                             \
    ATTRIBUTE(struct settings, field, value, meaning, __VA_ARGS__)

enum { HOUR = 3600, DAY = 86400, YEAR = 365 * DAY, KILO = 1024, MEGA = KILO * KILO };

#define GIGA (INT64_C(1024) * MEGA)

static const char received_field[] =
    "Received: ${if def:sender_host {from $sender_host${if def:sender_literal "
    ": (${if def:sender_host_name :$sender_host_name }$sender_literal)}\n\t}}"
    "by $primary_name${if def:sender_program : via $sender_program}"
    "${if def:sender_proto : with ${uc:sender_proto}}\n\tid $message_id"
    "${if def:recipient :\n\tfor <$recipient>}; $spool_date";

const struct attribute settings_attributes[] = {
    /* names and identity */
    VARIABLE(
        hostnames, NULL,
        "names of this host, the first is the primary name; from domains or the system "
        "when unset",
        .aliases = "hostname"),
    VARIABLE(more_hostnames, NULL, "further names that are local here",
             .aliases = "gateway_names:gateway_name"),
    VARIABLE(domains, NULL, "domains this host is in, to compute hostnames",
             .aliases = "domain:visible_domains:visible_domain"),
    VARIABLE(
        visible_name, NULL,
        "name in outgoing addresses; the primary name when unset, not local by itself"),
    VARIABLE(uucp_name, NULL, "UUCP name, local as well; the short host name when unset"),
    VARIABLE(primary_name, NULL, "the first of hostnames", .flags = ATTRIBUTE_READ_ONLY),
    VARIABLE(auth_domains, NULL,
             "domains all of whose hosts are known here: never sent to the smart host",
             .aliases = "auth_domain"),
    VARIABLE(postmaster_address, "root", "address of postmaster if no director knows it",
             .aliases = "postmaster"),
    VARIABLE(nobody, "nobody", "user for deliveries that are not trusted"),
    VARIABLE(smart_user, NULL, "new_user of smartuser directors that set none"),
    VARIABLE(smart_path, NULL, "host that takes what no other router matches",
             .aliases = "smart_host"),
    VARIABLE(smart_transport, NULL, "transport to the host in smart_path"),
    VARIABLE(sender_env_variable, NULL,
             "environment variable that names the sender; the kernel says who it is",
             .flags = ATTRIBUTE_NO_EFFECT),
    VARIABLE(trusted_users, "root:smail:uucp:daemon",
             "users who may say who the sender is", .aliases = "trusted:trusted_user"),
    VARIABLE(trusted_groups, NULL, "groups whose members may say who the sender is",
             .aliases = "trusted_group"),

    /* files and directories */
    VARIABLE(smail_lib_dir, SMAIL_LIB_DIR, "directory of the files below"),
    VARIABLE(smail_util_dir, SMAIL_LIB_DIR, "directory of utilities, which are built in",
             .flags = ATTRIBUTE_NO_EFFECT),
    VARIABLE(smail, SMAIL_PROGRAM, "path of this program"),
    VARIABLE(config_file, "config", "the file with these variables",
             .flags = ATTRIBUTE_READ_ONLY),
    VARIABLE(second_config_file, NULL, "read after the first one; its values win"),
    VARIABLE(director_file, "directors", "directors, in place of the built-in ones"),
    VARIABLE(router_file, "routers", "routers, in place of the built-in ones"),
    VARIABLE(transport_file, "transports", "transports, in front of the built-in ones"),
    VARIABLE(qualify_file, "qualify", "domains of host names without a dot"),
    VARIABLE(retry_file, "retry", "when to try again, by domain"),
    VARIABLE(method_dir, "methods", "directory of method files"),
    VARIABLE(copying_file, "COPYING", "the licence, for -bc"),
    VARIABLE(require_configs, NULL, "a file that is named but missing is an error"),
    VARIABLE(spool_dirs, SMAIL_SPOOL_DIR,
             "spool directories; the first is written, the others are emptied"),
    VARIABLE(spool_dir, NULL, "the first of spool_dirs", .flags = ATTRIBUTE_READ_ONLY),
    VARIABLE(run_dir, NULL,
             "directory of the local socket; " SMAIL_RUN_DIR
             " for the system's spool, else run in the spool directory"),
    VARIABLE(logfile, NULL,
             "what became of each message; log/logfile in the spool directory"),
    VARIABLE(paniclog, NULL, "serious errors; log/paniclog in the spool directory"),
    VARIABLE(console, "/dev/console", "where serious errors go if no log can be written"),
    VARIABLE(auto_mkdir, "on", "make missing spool and log directories"),
    VARIABLE(auto_mkdir_mode, "0755", "mode of directories made"),
    VARIABLE(spool_mode, "0600", "mode of spool files"),
    VARIABLE(log_mode, "0640", "mode of log files"),

    /* logging */
    VARIABLE(log_format, "smail", "form of the log: smail, json or syslog"),
    VARIABLE(syslog_facility, "mail", "facility for log_format syslog"),
    VARIABLE(log_level, "5", "how much is logged, 0 to 9", .most = 9),

    /* delivery and queue */
    VARIABLE(delivery_mode, "background",
             "when mail is delivered on receipt: foreground, background or queued"),
    VARIABLE(queue_only, NULL, "never deliver on receipt"),
    VARIABLE(delivery_grades, NULL, "range of grades delivered on receipt, as 9-C"),
    VARIABLE(runq_grades, NULL, "range of grades that queue runs deliver"),
    VARIABLE(grades, "special-delivery:9:air-mail:A:first-class:C:bulk:a:junk:n",
             "grades of the words in Precedence fields"),
    VARIABLE(spool_grade, "C", "grade of a message without Precedence field"),
    VARIABLE(max_hop_count, "20", "hops after which remote delivery fails", .least = 1,
             .most = 1000),
    VARIABLE(max_received_fields, "100", "Received fields after which mail is refused",
             .least = 1, .most = 100000),
    VARIABLE(max_message_size, "50m", "largest message in octets; 0: no limit"),
    VARIABLE(retry_interval, "10m", "least time between two attempts for a host"),
    VARIABLE(retry_interval_max, "4h", "the interval doubles up to this"),
    VARIABLE(retry_duration, "5d", "time after which attempts end and mail bounces"),
    VARIABLE(resolve_timeout, "3d",
             "time after which mail bounces that could not be directed or routed"),
    VARIABLE(warning_time, "4h", "delay after which the sender is told; 0: never"),
    VARIABLE(bounce_queue_time, "2d", "retry_duration of bounces"),
    VARIABLE(bounce_size_limit, "50000",
             "octets of a message that go back in a bounce, else its header only"),
    VARIABLE(error_copy_postmaster, NULL, "the postmaster gets a copy of each bounce"),
    VARIABLE(switch_percent_and_bang, NULL, "% binds before ! in local parts"),
    VARIABLE(min_queue_age, "0", "age below which queue runs leave a message alone"),
    VARIABLE(fnlock_retries, "5", "attempts for the lock file of a mailbox", .least = 0,
             .most = 1000),
    VARIABLE(fnlock_interval, "3", "time between these attempts", .least = 0,
             .most = HOUR),
    VARIABLE(fnlock_mode, "0600", "mode of the lock file of a mailbox"),
    VARIABLE(flock_mailbox, "on", "lock mailboxes by the kernel as well"),
    VARIABLE(pipe_timeout, "1h", "time that a command may take", .least = 1,
             .most = YEAR),
    VARIABLE(pipe_output_limit, "16k", "octets of a command's output that are kept",
             .least = 0, .most = 16 * MEGA),
    VARIABLE(max_expansion_depth, "32", "parents that an address may have", .least = 1,
             .most = 1000),
    VARIABLE(max_expansion_addresses, "100000", "addresses that one message may become",
             .least = 1, .most = 10000000),
    VARIABLE(max_forward_size, "4m", "size of the largest forward file or list",
             .least = 1, .most = GIGA),

    /* concurrency */
    VARIABLE(receive_processes, "2", "processes that hold SMTP sessions", .least = 1,
             .most = 64),
    VARIABLE(resolve_workers, "2", "processes that direct and route", .least = 1,
             .most = 256),
    VARIABLE(verify_workers, "1", "processes that check recipients for SMTP sessions",
             .least = 1, .most = 256),
    VARIABLE(remote_workers, "50", "most processes that send mail to other hosts",
             .least = 1, .most = 10000),
    VARIABLE(user_workers, "200", "most processes that deliver to local users",
             .least = 1, .most = 10000),
    VARIABLE(destination_concurrency, "20", "most deliveries at once to one destination",
             .least = 1, .most = 10000),
    VARIABLE(worker_idle, "30s", "time after which an idle worker ends", .least = 1,
             .most = DAY),
    VARIABLE(worker_jobs, "1000", "jobs after which a worker ends; 0: no limit"),
    VARIABLE(host_status_ttl, "7d", "time after which the state of a host is forgotten",
             .least = 1, .most = YEAR),

    /* SMTP server */
    VARIABLE(smtp_accept_max, "1000", "most SMTP sessions at once", .least = 1,
             .most = 1000000),
    VARIABLE(smtp_accept_queue, "0",
             "sessions above which messages are only queued; 0: no limit", .least = 0,
             .most = 1000000),
    VARIABLE(smtp_accept_max_per_host, "100",
             "most sessions of one client; 0: no limit (smtp_remote_allow has none)",
             .least = 0, .most = 1000000),
    VARIABLE(smtp_banner,
             "$primary_name ESMTP Smail$version #$compile_num ready at $date",
             "text of the greeting"),
    VARIABLE(smtp_info, NULL, "answer VRFY and EXPN"),
    VARIABLE(smtp_receive_command_timeout, "5m", "time to wait for a command", .least = 1,
             .most = DAY),
    VARIABLE(smtp_receive_message_timeout, "2h",
             "time that the text of a message may take", .least = 1, .most = DAY),
    VARIABLE(smtp_minimum_rate, "500", "least octets of text in a second; 0: any"),
    VARIABLE(smtp_max_recipients, "1000", "most recipients of a message", .least = 1,
             .most = 1000000),
    VARIABLE(smtp_max_errors, "20", "errors after which a session is ended", .least = 1,
             .most = 100000),
    VARIABLE(smtp_max_commands, "1000",
             "commands without mail after which a session is ended", .least = 1,
             .most = 10000000),
    VARIABLE(smtp_max_messages, "10000", "most messages in one session", .least = 1,
             .most = 10000000),
    VARIABLE(smtp_line_limit, "2k", "longest command line", .least = 512, .most = MEGA),
    VARIABLE(smtp_text_line_limit, "64k", "longest line of text", .least = 1000,
             .most = GIGA),
    VARIABLE(smtp_header_limit, "256k", "largest header", .least = KILO, .most = GIGA),
    VARIABLE(smtp_buffer_limit, "64m",
             "text that all sessions of a process together hold in memory", .least = MEGA,
             .most = 64 * GIGA),
    VARIABLE(stream_threshold, "256k", "larger messages get a spool segment of their own",
             .least = 4 * KILO, .most = GIGA),
    VARIABLE(smtp_remote_allow, "127.0.0.0/8:[::1]/128",
             "networks that may send to other hosts through this one"),
    VARIABLE(smtp_listen, "25",
             "where the daemon listens: port, address:port, [IPv6 address]:port"),
    VARIABLE(listen_name, NULL, "address to listen on for the ports in smtp_listen"),
    VARIABLE(smtp_bare_newline, "refuse",
             "CR and LF alone in text from strangers: refuse or accept"),
    VARIABLE(smtp_reject_hosts, NULL, "networks of clients that are turned away"),
    VARIABLE(verify_timeout, "30s", "time to check one recipient", .least = 1,
             .most = HOUR),
    VARIABLE(rfc1413_query_timeout, "-1", "time for a question to the ident server",
             .least = -1, .most = HOUR, .flags = ATTRIBUTE_NO_EFFECT),
    VARIABLE(smtp_peer_name, "on", "look up the names of clients"),
    VARIABLE(smtp_session_limit, "20000",
             "sessions after which a receiving process is replaced", .least = 1,
             .most = 1000000000),
    VARIABLE(smailctl_users, NULL, "users who may control the queue as root may"),
    VARIABLE(submit_wait, "30s", "time that a command waits for the owner of the spool",
             .least = 0, .most = DAY),

    /* DNS */
    VARIABLE(name_servers, NULL,
             "name servers as address@port, else those of resolv.conf"),
    VARIABLE(name_timeout, "30s", "time for one question to the name servers", .least = 1,
             .most = HOUR),

    /* spool */
    VARIABLE(spool_reserve, "4m", "space kept for outcomes alone", .least = 64 * KILO,
             .most = 64 * GIGA),
    VARIABLE(spool_free_minimum, "20m", "free space below which new mail is put off"),
    VARIABLE(segment_size, "64m", "size above which a spool segment is closed",
             .least = 64 * KILO, .most = 64 * GIGA),

    /* header templates */
    VARIABLE(received_field, received_field, "trace field put in front"),
    VARIABLE(message_id_field, "Message-Id: <$message_id@$primary_name>",
             "field for messages without one"),
    VARIABLE(date_field, "Date: $spool_date", "field for messages without one"),
    VARIABLE(from_field, "From: $sender${if def:sender_name : (${comment:sender_name})}",
             "field for messages without one"),
    VARIABLE(return_path_field, "Return-Path: <$sender>",
             "field put in on final delivery"),

    /* sandbox and users */
    VARIABLE(spool_user, "smail", "user that owns the spool"),
    VARIABLE(network_user, "smailnet", "user of processes that talk to the network"),
    VARIABLE(map_user, "smailmap", "user of processes that read tables"),
    VARIABLE(mail_group, "mail", "group of mailboxes"),

    /* accepted from old files */
    VARIABLE(hit_table_len, "241", "size of a table that now grows by itself",
             .flags = ATTRIBUTE_NO_EFFECT),
    VARIABLE(message_buf_size, "100k", "size of a buffer that is gone",
             .flags = ATTRIBUTE_NO_EFFECT),
    VARIABLE(max_load_ave, "0", "never did anything", .flags = ATTRIBUTE_NO_EFFECT),
    VARIABLE(open_retries, "0", "attempts to open a database, which mail now waits for",
             .flags = ATTRIBUTE_NO_EFFECT),
    VARIABLE(open_interval, "2", "time between these attempts",
             .flags = ATTRIBUTE_NO_EFFECT),
    VARIABLE(host_lock_timeout, "30", "wait for the lock of a host; there are none now",
             .flags = ATTRIBUTE_NO_EFFECT),
    VARIABLE(message_log_mode, "0644", "mode of message logs, which are in the spool now",
             .flags = ATTRIBUTE_NO_EFFECT),
    VARIABLE(lock_mode, "0444", "mode of lock files that are gone",
             .flags = ATTRIBUTE_NO_EFFECT),
    VARIABLE(lock_by_name, NULL, "lock spool files by name; they need no locks now",
             .flags = ATTRIBUTE_NO_EFFECT),
    VARIABLE(smtp_debug, NULL, "the DEBUG command, which does not exist any more",
             .flags = ATTRIBUTE_NO_EFFECT),
    {0},
};
