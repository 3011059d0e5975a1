/* libpq as it is. Static inlines only for what Swift cannot import: macros, and big-endian numbers that may stand at any
   address. Whatever decides anything lives in the PostgresStore module. */
#ifndef BACKORDERD_CLIBPQ_SHIM_H
#define BACKORDERD_CLIBPQ_SHIM_H

#include <endian.h>
#include <poll.h>
#include <stdint.h>
#include <string.h>

#include <libpq-fe.h>

static inline int64_t clpq_int64(const char *bytes) {
    uint64_t value;
    memcpy(&value, bytes, sizeof value);
    return (int64_t)be64toh(value);
}

static inline int32_t clpq_int32(const char *bytes) {
    uint32_t value;
    memcpy(&value, bytes, sizeof value);
    return (int32_t)be32toh(value);
}

/* Waits for the socket; 0: the time is over, < 0: poll failed. `writing`: also until it takes more. Interrupted by a
   signal, it answers as if something had come: the caller looks again. */
static inline int clpq_wait(int socket, int writing, int milliseconds) {
    struct pollfd entry = {.fd = socket, .events = (short)(POLLIN | (writing ? POLLOUT : 0)), .revents = 0};
    int found = poll(&entry, 1, milliseconds);
    return found < 0 ? 1 : found;
}

/* The fields of an error that are worth telling; PG_DIAG_… are character macros. */
static inline const char *clpq_sqlstate(const PGresult *result) {
    return PQresultErrorField(result, PG_DIAG_SQLSTATE);
}

static inline const char *clpq_message(const PGresult *result) {
    return PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
}

static inline const char *clpq_constraint(const PGresult *result) {
    return PQresultErrorField(result, PG_DIAG_CONSTRAINT_NAME);
}

/* Notices (a table that is there already) are no news to us; the default handler would print them to stderr. */
static inline void clpq_ignore_notice(void *context, const PGresult *result) {
    (void)context;
    (void)result;
}

static inline void clpq_ignore_notices(PGconn *connection) {
    PQsetNoticeReceiver(connection, clpq_ignore_notice, NULL);
}

#endif
