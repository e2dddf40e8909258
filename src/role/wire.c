/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Packing and unpacking of the messages between roles, from one table of their fields. */
#include "role/wire.h"

#include <string.h>

#include "base/banned.h"

const char *
role_name(enum role_kind kind)
{
    static const char *const names[] = {
        [ROLE_MASTER] = "master", [ROLE_RECEIVE] = "receive", [ROLE_LOCAL] = "local",
        [ROLE_SPOOL] = "spool",   [ROLE_QUEUE] = "queue",     [ROLE_NAMES] = "names",
        [ROLE_VERIFY] = "verify", [ROLE_RESOLVE] = "resolve", [ROLE_REMOTE] = "remote",
        [ROLE_USER] = "user",
    };

    return (size_t)kind < sizeof names / sizeof names[0] ? names[kind] : "unknown";
}

enum field_type {
    FIELD_BOOL,
    FIELD_U32,
    FIELD_U64,
    FIELD_I64,
    FIELD_INT,
    FIELD_CHAR,
    FIELD_STRING,
    FIELD_SPAN,
    FIELD_ID,
    FIELD_ERROR,
    FIELD_ENVELOPE,
    FIELD_ADDRESS,
    FIELD_ADDRESSES, /* pointer; the count is the next field */
    FIELD_NUMBERS,
    FIELD_KEYS,
    FIELD_BOOLS,
    FIELD_WORDS,
    FIELD_OUTCOMES,
    FIELD_DNS,
};

struct field_row {
    enum field_type type;
    size_t offset;
    size_t count_offset; /* of the u32 that counts an array */
};

#define ROW(type, message, member)                                                       \
    {                                                                                    \
        type, offsetof(message, member), 0                                               \
    }
#define ARRAY(type, message, member, count)                                              \
    {                                                                                    \
        type, offsetof(message, member), offsetof(message, count)                        \
    }
#define BOOL(message, member) ROW(FIELD_BOOL, message, member)
#define U32(message, member) ROW(FIELD_U32, message, member)
#define U64(message, member) ROW(FIELD_U64, message, member)
#define I64(message, member) ROW(FIELD_I64, message, member)
#define STRING(message, member) ROW(FIELD_STRING, message, member)
#define ID(message, member) ROW(FIELD_ID, message, member)

enum { FIELD_LIMIT = 24 };

static const struct wire_row {
    size_t size; /* of the struct; 0: the frame is empty */
    size_t count;
    struct field_row fields[FIELD_LIMIT];
} rows[256] = {
#define MESSAGE(type, message, ...)                                                      \
    [type] = {.size = sizeof(message),                                                   \
              .count =                                                                   \
                  sizeof((struct field_row[]){__VA_ARGS__}) / sizeof(struct field_row),  \
              .fields = {__VA_ARGS__}}

    MESSAGE(WIRE_HELLO, struct wire_hello, STRING(struct wire_hello, build_id),
            U32(struct wire_hello, kind), U32(struct wire_hello, instance),
            STRING(struct wire_hello, user), BOOL(struct wire_hello, privileged),
            U64(struct wire_hello, generation),
            STRING(struct wire_hello, spool_directory),
            BOOL(struct wire_hello, transient), BOOL(struct wire_hello, once),
            I64(struct wire_hello, interval)),
    MESSAGE(WIRE_READY, struct wire_ready, STRING(struct wire_ready, build_id),
            U32(struct wire_ready, pid)),
    MESSAGE(WIRE_LOG, struct wire_log, U32(struct wire_log, which),
            BOOL(struct wire_log, is_socket)),
    MESSAGE(WIRE_LISTEN, struct wire_listen, U32(struct wire_listen, kind),
            STRING(struct wire_listen, name)),
    MESSAGE(WIRE_PEER, struct wire_peer, U32(struct wire_peer, kind),
            U32(struct wire_peer, instance), STRING(struct wire_peer, user)),
    MESSAGE(WIRE_COUNTS, struct wire_counts, U32(struct wire_counts, part)),
    MESSAGE(WIRE_CONFIG, struct wire_config, U64(struct wire_config, generation)),
    MESSAGE(WIRE_START_WORKER, struct wire_start_worker,
            U32(struct wire_start_worker, class), STRING(struct wire_start_worker, user)),
    MESSAGE(WIRE_WORKER_FAILED, struct wire_worker_failed,
            U32(struct wire_worker_failed, class),
            STRING(struct wire_worker_failed, user),
            BOOL(struct wire_worker_failed, permanent),
            STRING(struct wire_worker_failed, text)),
    MESSAGE(WIRE_IDLE_OWNER, struct wire_busy, BOOL(struct wire_busy, busy)),
    MESSAGE(WIRE_KILL_WORKER, struct wire_worker, U32(struct wire_worker, worker),
            U32(struct wire_worker, class), STRING(struct wire_worker, user)),
    MESSAGE(WIRE_ID_BLOCK, struct wire_id_block, U64(struct wire_id_block, first),
            U64(struct wire_id_block, count)),
    MESSAGE(WIRE_ROOM, struct wire_room, BOOL(struct wire_room, room),
            ROW(FIELD_ERROR, struct wire_room, error)),
    MESSAGE(WIRE_SUBMIT, struct wire_submit, U64(struct wire_submit, token),
            ID(struct wire_submit, id), ROW(FIELD_ENVELOPE, struct wire_submit, envelope),
            ROW(FIELD_SPAN, struct wire_submit, content)),
    MESSAGE(WIRE_STREAM_BEGIN, struct wire_stream, U64(struct wire_stream, token),
            ID(struct wire_stream, id)),
    MESSAGE(WIRE_STREAM_DATA, struct wire_stream_data,
            U64(struct wire_stream_data, token),
            ROW(FIELD_SPAN, struct wire_stream_data, bytes)),
    MESSAGE(WIRE_STREAM_END, struct wire_stream_end, U64(struct wire_stream_end, token),
            ID(struct wire_stream_end, id),
            ROW(FIELD_ENVELOPE, struct wire_stream_end, envelope)),
    MESSAGE(WIRE_STREAM_ABORT, struct wire_stream, U64(struct wire_stream, token),
            ID(struct wire_stream, id)),
    MESSAGE(WIRE_STREAM_WINDOW, struct wire_stream_window,
            U64(struct wire_stream_window, token), U64(struct wire_stream_window, bytes)),
    MESSAGE(WIRE_COMMITTED, struct wire_committed, U64(struct wire_committed, token),
            ID(struct wire_committed, id), BOOL(struct wire_committed, committed),
            ROW(FIELD_ERROR, struct wire_committed, error)),
    MESSAGE(WIRE_FOLLOW, struct wire_follow, U64(struct wire_follow, token),
            STRING(struct wire_follow, text), BOOL(struct wire_follow, failed),
            BOOL(struct wire_follow, more)),
    MESSAGE(WIRE_CONTROL, struct wire_control, U64(struct wire_control, token),
            I64(struct wire_control, uid), BOOL(struct wire_control, operator),
            ARRAY(FIELD_WORDS, struct wire_control, words, word_count)),
    MESSAGE(WIRE_CONTROL_LINE, struct wire_control_line,
            U64(struct wire_control_line, token), STRING(struct wire_control_line, text)),
    MESSAGE(WIRE_CONTROL_END, struct wire_control_end,
            U64(struct wire_control_end, token), U32(struct wire_control_end, code),
            STRING(struct wire_control_end, text)),
    MESSAGE(WIRE_CONTROL_MORE, struct wire_token, U64(struct wire_token, token)),
    MESSAGE(WIRE_CONTROL_CANCEL, struct wire_token, U64(struct wire_token, token)),
    MESSAGE(WIRE_MESSAGE, struct wire_message, ID(struct wire_message, message.id),
            U64(struct wire_message, message.size),
            I64(struct wire_message, message.received),
            I64(struct wire_message, message.waited),
            U32(struct wire_message, message.attempts),
            ROW(FIELD_CHAR, struct wire_message, message.grade),
            ROW(FIELD_INT, struct wire_message, message.mode),
            BOOL(struct wire_message, message.is_bounce),
            BOOL(struct wire_message, message.held),
            BOOL(struct wire_message, message.warned),
            BOOL(struct wire_message, message.recovered),
            STRING(struct wire_message, message.reverse_path),
            BOOL(struct wire_message, follow)),
    MESSAGE(WIRE_ADDRESS, struct wire_address, ID(struct wire_address, id),
            ROW(FIELD_ADDRESS, struct wire_address, address),
            BOOL(struct wire_address, transport_is_local)),
    MESSAGE(WIRE_SETTLE, struct wire_message_id, ID(struct wire_message_id, id)),
    MESSAGE(WIRE_REMOVED, struct wire_message_id, ID(struct wire_message_id, id)),
    MESSAGE(WIRE_IDLE, struct wire_message_id, ID(struct wire_message_id, id)),
    MESSAGE(WIRE_OUTCOME_SEEN, struct wire_outcome_seen,
            U64(struct wire_outcome_seen, job), ID(struct wire_outcome_seen, id),
            U32(struct wire_outcome_seen, outcome.number),
            ROW(FIELD_INT, struct wire_outcome_seen, outcome.outcome),
            STRING(struct wire_outcome_seen, outcome.text),
            ROW(FIELD_INT, struct wire_outcome_seen, outcome.error_number)),
    MESSAGE(WIRE_JOB_DONE, struct wire_job_end, U64(struct wire_job_end, job)),
    MESSAGE(WIRE_JOB_LOST, struct wire_job_end, U64(struct wire_job_end, job)),
    MESSAGE(WIRE_DONE, struct wire_job_end, U64(struct wire_job_end, job)),
    MESSAGE(WIRE_ACK, struct wire_job_end, U64(struct wire_job_end, job)),
    MESSAGE(WIRE_WORKER_READY, struct wire_worker, U32(struct wire_worker, worker),
            U32(struct wire_worker, class), STRING(struct wire_worker, user)),
    MESSAGE(WIRE_WORKER_GONE, struct wire_worker, U32(struct wire_worker, worker),
            U32(struct wire_worker, class), STRING(struct wire_worker, user)),
    MESSAGE(WIRE_STOP_WORKER, struct wire_worker, U32(struct wire_worker, worker),
            U32(struct wire_worker, class), STRING(struct wire_worker, user)),
    MESSAGE(WIRE_WORKER_HELLO, struct wire_worker, U32(struct wire_worker, worker),
            U32(struct wire_worker, class), STRING(struct wire_worker, user)),
    MESSAGE(WIRE_SUSPEND, struct wire_suspend, BOOL(struct wire_suspend, suspended),
            STRING(struct wire_suspend, why)),
    MESSAGE(WIRE_DISPATCH, struct wire_dispatch, U32(struct wire_dispatch, kind),
            U64(struct wire_dispatch, job), U32(struct wire_dispatch, worker),
            ID(struct wire_dispatch, id),
            ARRAY(FIELD_NUMBERS, struct wire_dispatch, numbers, count)),
    MESSAGE(WIRE_EXPIRE, struct wire_expire, ID(struct wire_expire, id),
            ARRAY(FIELD_NUMBERS, struct wire_expire, numbers, count),
            ROW(FIELD_ERROR, struct wire_expire, error)),
    MESSAGE(WIRE_NOTE, struct wire_note, ID(struct wire_note, id),
            U32(struct wire_note, note), STRING(struct wire_note, text)),
    MESSAGE(
        WIRE_JOB, struct wire_job, U64(struct wire_job, job.number),
        ROW(FIELD_INT, struct wire_job, job.kind), U64(struct wire_job, job.generation),
        ID(struct wire_job, job.id), ROW(FIELD_ENVELOPE, struct wire_job, job.envelope),
        ARRAY(FIELD_ADDRESSES, struct wire_job, job.addresses, job.address_count),
        ARRAY(FIELD_ADDRESSES, struct wire_job, job.known, job.known_count),
        ARRAY(FIELD_OUTCOMES, struct wire_job, job.outcomes, job.outcome_count),
        I64(struct wire_job, job.waited), ROW(FIELD_SPAN, struct wire_job, job.content),
        U64(struct wire_job, job.content_size)),
    MESSAGE(WIRE_EXPANDED, struct wire_expanded, U64(struct wire_expanded, job),
            ID(struct wire_expanded, id),
            ARRAY(FIELD_ADDRESSES, struct wire_expanded, addresses, count),
            ARRAY(FIELD_KEYS, struct wire_expanded, keys, count),
            ARRAY(FIELD_BOOLS, struct wire_expanded, transports_are_local, count)),
    MESSAGE(WIRE_OUTCOMES, struct wire_outcomes, U64(struct wire_outcomes, job),
            ID(struct wire_outcomes, id),
            ARRAY(FIELD_OUTCOMES, struct wire_outcomes, outcomes, count)),
    MESSAGE(WIRE_REPORT, struct wire_report, U64(struct wire_report, job),
            ID(struct wire_report, id), BOOL(struct wire_report, has_message),
            U32(struct wire_report, kind),
            ROW(FIELD_ENVELOPE, struct wire_report, envelope),
            ROW(FIELD_SPAN, struct wire_report, content),
            ARRAY(FIELD_NUMBERS, struct wire_report, numbers, count),
            STRING(struct wire_report, log)),
    MESSAGE(WIRE_VERIFY, struct wire_verify, U64(struct wire_verify, token),
            STRING(struct wire_verify, recipient),
            STRING(struct wire_verify, reverse_path),
            STRING(struct wire_verify, peer_address)),
    MESSAGE(WIRE_VERIFIED, struct wire_verified, U64(struct wire_verified, token),
            BOOL(struct wire_verified, local), BOOL(struct wire_verified, remote),
            BOOL(struct wire_verified, deferred), BOOL(struct wire_verified, failed),
            ROW(FIELD_ERROR, struct wire_verified, error)),
    MESSAGE(WIRE_WHO, struct wire_who, U64(struct wire_who, token),
            I64(struct wire_who, uid), I64(struct wire_who, gid)),
    MESSAGE(WIRE_WHO_IS, struct wire_who_is, U64(struct wire_who_is, token),
            BOOL(struct wire_who_is, known), STRING(struct wire_who_is, user),
            STRING(struct wire_who_is, full_name), BOOL(struct wire_who_is, trusted),
            BOOL(struct wire_who_is, operator)),
    MESSAGE(WIRE_ASK, struct wire_ask, U64(struct wire_ask, token),
            STRING(struct wire_ask, name), U32(struct wire_ask, type)),
    MESSAGE(WIRE_ANSWER, struct wire_answer, U64(struct wire_answer, token),
            ROW(FIELD_DNS, struct wire_answer, answer)),
#undef MESSAGE
};

static void
error_pack(const struct error *error, struct pack *pack)
{
    pack_bool(pack, error->permanent);
    pack_u32(pack, (uint32_t)error->number);
    pack_string(pack, error->status);
    pack_string(pack, error->text);
}

/* Strings from another role are still cut to what a struct error holds. */
static void
error_unpack(struct unpack *unpack, struct error *error)
{
    struct span status, text;

    memset(error, 0, sizeof *error);
    error->permanent = unpack_bool(unpack);
    error->number = (int)unpack_u32(unpack);
    status = unpack_span(unpack);
    text = unpack_span(unpack);
    if (status.length >= sizeof error->status || text.length >= sizeof error->text) {
        unpack->failed = true;
        return;
    }
    if (status.length > 0)
        memcpy(error->status, status.bytes, status.length);
    if (text.length > 0)
        memcpy(error->text, text.bytes, text.length);
}

static void
outcome_pack(const struct spool_outcome *outcome, struct pack *pack)
{
    pack_u32(pack, outcome->number);
    pack_u8(pack, (uint8_t)outcome->outcome);
    pack_u8(pack, (uint8_t)outcome->report);
    error_pack(&outcome->error, pack);
    pack_string(pack, outcome->remote);
    pack_string(pack, outcome->diagnostic);
    pack_i64(pack, outcome->time);
}

static void
outcome_unpack(struct unpack *unpack, struct arena *arena, struct spool_outcome *outcome)
{
    uint8_t what, report;

    outcome->number = unpack_u32(unpack);
    what = unpack_u8(unpack);
    report = unpack_u8(unpack);
    if (what > OUTCOME_FAILED || report > REPORT_CONFIG)
        unpack->failed = true;
    outcome->outcome = (enum outcome)what;
    outcome->report = (enum report_class)report;
    error_unpack(unpack, &outcome->error);
    outcome->remote = unpack_string(unpack, arena);
    outcome->diagnostic = unpack_string(unpack, arena);
    outcome->time = unpack_i64(unpack);
}

static void
array_pack(const struct field_row *row, const char *message, struct pack *pack)
{
    uint32_t count;
    const void *array;

    memcpy(&count, message + row->count_offset, sizeof count);
    memcpy(&array, message + row->offset, sizeof array);
    pack_u32(pack, count);
    for (uint32_t i = 0; i < count; i++) {
        switch (row->type) {
        case FIELD_ADDRESSES:
            address_pack((const struct address *)array + i, pack);
            break;
        case FIELD_NUMBERS:
            pack_u32(pack, ((const uint32_t *)array)[i]);
            break;
        case FIELD_KEYS:
            pack_u64(pack, ((const uint64_t *)array)[i]);
            break;
        case FIELD_BOOLS:
            pack_bool(pack, ((const bool *)array)[i]);
            break;
        case FIELD_WORDS:
            pack_string(pack, ((const char *const *)array)[i]);
            break;
        default:
            outcome_pack((const struct spool_outcome *)array + i, pack);
            break;
        }
    }
}

static size_t
element_size(enum field_type type)
{
    switch (type) {
    case FIELD_ADDRESSES:
        return sizeof(struct address);
    case FIELD_NUMBERS:
        return sizeof(uint32_t);
    case FIELD_KEYS:
        return sizeof(uint64_t);
    case FIELD_BOOLS:
        return sizeof(bool);
    case FIELD_WORDS:
        return sizeof(const char *);
    default:
        return sizeof(struct spool_outcome);
    }
}

static void
element_unpack(enum field_type type, struct unpack *unpack, struct arena *arena,
               void *element)
{
    switch (type) {
    case FIELD_ADDRESSES:
        if (!address_unpack(unpack, arena, element))
            unpack->failed = true;
        break;
    case FIELD_NUMBERS:
        *(uint32_t *)element = unpack_u32(unpack);
        break;
    case FIELD_KEYS:
        *(uint64_t *)element = unpack_u64(unpack);
        break;
    case FIELD_BOOLS:
        *(bool *)element = unpack_bool(unpack);
        break;
    case FIELD_WORDS:
        *(const char **)element = unpack_string(unpack, arena);
        if (!*(const char **)element)
            unpack->failed = true;
        break;
    default:
        outcome_unpack(unpack, arena, element);
        break;
    }
}

/* Arrays that share one count must have one length: the second must agree with the first.
 */
static void
array_unpack(const struct field_row *row, struct unpack *unpack, struct arena *arena,
             char *message, bool first)
{
    uint32_t count = unpack_count(unpack, 1), before;
    size_t size = element_size(row->type);
    char *array = NULL;

    memcpy(&before, message + row->count_offset, sizeof before);
    if (!first && before != count)
        unpack->failed = true;
    if (count > 0 && !unpack->failed)
        array = arena_array(arena, count, size);
    for (uint32_t i = 0; i < count && !unpack->failed; i++)
        element_unpack(row->type, unpack, arena, array + i * size);
    if (unpack->failed)
        count = 0;
    memcpy(message + row->count_offset, &count, sizeof count);
    memcpy(message + row->offset, &array, sizeof array);
}

static void
field_pack(const struct field_row *row, const char *message, struct pack *pack)
{
    const void *field = message + row->offset;

    switch (row->type) {
    case FIELD_BOOL:
        pack_bool(pack, *(const bool *)field);
        break;
    case FIELD_U32:
    case FIELD_INT:
        pack_u32(pack, *(const uint32_t *)field);
        break;
    case FIELD_U64:
        pack_u64(pack, *(const uint64_t *)field);
        break;
    case FIELD_I64:
        pack_i64(pack, *(const int64_t *)field);
        break;
    case FIELD_CHAR:
        pack_u8(pack, *(const uint8_t *)field);
        break;
    case FIELD_STRING:
        pack_string(pack, *(const char *const *)field);
        break;
    case FIELD_SPAN:
        pack_span(pack, *(const struct span *)field);
        break;
    case FIELD_ID:
        pack_span(pack, span_of(((const struct message_id *)field)->text));
        break;
    case FIELD_ERROR:
        error_pack(field, pack);
        break;
    case FIELD_ENVELOPE:
        envelope_pack(field, pack);
        break;
    case FIELD_ADDRESS:
        address_pack(field, pack);
        break;
    case FIELD_DNS:
        dns_answer_pack(field, pack);
        break;
    default:
        array_pack(row, message, pack);
        break;
    }
}

static void
id_unpack(struct unpack *unpack, struct message_id *id)
{
    struct span text = unpack_span(unpack);

    memset(id, 0, sizeof *id);
    if (text.length == 0)
        return; /* none */
    if (!message_id_read(text, id))
        unpack->failed = true;
}

static void
field_unpack(const struct field_row *row, struct unpack *unpack, struct arena *arena,
             char *message, bool first)
{
    void *field = message + row->offset;

    switch (row->type) {
    case FIELD_BOOL:
        *(bool *)field = unpack_bool(unpack);
        break;
    case FIELD_U32:
    case FIELD_INT:
        *(uint32_t *)field = unpack_u32(unpack);
        break;
    case FIELD_U64:
        *(uint64_t *)field = unpack_u64(unpack);
        break;
    case FIELD_I64:
        *(int64_t *)field = unpack_i64(unpack);
        break;
    case FIELD_CHAR:
        *(uint8_t *)field = unpack_u8(unpack);
        break;
    case FIELD_STRING:
        *(const char **)field = unpack_string(unpack, arena);
        if (!*(const char **)field)
            *(const char **)field = "";
        break;
    case FIELD_SPAN:
        *(struct span *)field = unpack_span(unpack);
        break;
    case FIELD_ID:
        id_unpack(unpack, field);
        break;
    case FIELD_ERROR:
        error_unpack(unpack, field);
        break;
    case FIELD_ENVELOPE:
        if (!envelope_unpack(unpack, arena, field))
            unpack->failed = true;
        break;
    case FIELD_ADDRESS:
        if (!address_unpack(unpack, arena, field))
            unpack->failed = true;
        break;
    case FIELD_DNS:
        if (!dns_answer_unpack(unpack, arena, field))
            unpack->failed = true;
        break;
    default:
        array_unpack(row, unpack, arena, message, first);
        break;
    }
}

void
wire_send(struct channel *channel, enum wire_type type, const void *message, int fd)
{
    const struct wire_row *row = &rows[type & 255];
    struct arena *arena = arena_new();
    struct pack pack = pack_new(arena);

    for (size_t i = 0; i < row->count; i++)
        field_pack(&row->fields[i], message, &pack);
    channel_send(channel, (uint16_t)type, &pack, fd);
    arena_free(arena);
}

bool
wire_read(const struct frame *frame, enum wire_type type, struct arena *arena,
          void *message)
{
    const struct wire_row *row = &rows[type & 255];
    struct unpack unpack = unpack_new(frame->payload);

    if (frame->type != (uint16_t)type || row->size == 0)
        return false;
    memset(message, 0, row->size);
    for (size_t i = 0; i < row->count; i++) {
        bool first = true;

        for (size_t k = 0; k < i; k++)
            if (row->fields[i].count_offset != 0 &&
                row->fields[k].count_offset == row->fields[i].count_offset)
                first = false;
        field_unpack(&row->fields[i], &unpack, arena, message, first);
    }
    return unpack_done(&unpack);
}
