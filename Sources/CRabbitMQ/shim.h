/* What Swift cannot import from librabbitmq and glibc by itself: variadic functions, unions, casts in macros.
   Static inlines without logic of their own; whatever decides anything lives in the AMQPClient module. */
#ifndef BACKORDERD_CRABBITMQ_SHIM_H
#define BACKORDERD_CRABBITMQ_SHIM_H

/* No _GNU_SOURCE here: it changes glibc's structs against the ones Swift's Glibc module was built with. */
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <amqp.h>
#include <amqp_framing.h>
#include <amqp_ssl_socket.h>
#include <amqp_tcp_socket.h>

/* amqp_login_with_properties is variadic in its credentials. */
static inline amqp_rpc_reply_t crmq_login_plain(amqp_connection_state_t state, const char *vhost, int channel_max,
                                                int frame_max, int heartbeat, const amqp_table_t *properties,
                                                const char *user, const char *password) {
    return amqp_login_with_properties(state, vhost, channel_max, frame_max, heartbeat, properties,
                                      AMQP_SASL_METHOD_PLAIN, user, password);
}

static inline amqp_rpc_reply_t crmq_login_external(amqp_connection_state_t state, const char *vhost, int channel_max,
                                                   int frame_max, int heartbeat, const amqp_table_t *properties,
                                                   const char *identity) {
    return amqp_login_with_properties(state, vhost, channel_max, frame_max, heartbeat, properties,
                                      AMQP_SASL_METHOD_EXTERNAL, identity);
}

/* One frame if one is there or comes within the given time. Never pass more than a second or so. */
static inline int crmq_wait_frame(amqp_connection_state_t state, amqp_frame_t *frame, int milliseconds) {
    struct timeval timeout = {milliseconds / 1000, (milliseconds % 1000) * 1000};
    return amqp_simple_wait_frame_noblock(state, frame, &timeout);
}

static inline int crmq_set_handshake_timeout(amqp_connection_state_t state, int milliseconds) {
    struct timeval timeout = {milliseconds / 1000, (milliseconds % 1000) * 1000};
    return amqp_set_handshake_timeout(state, &timeout);
}

static inline int crmq_set_rpc_timeout(amqp_connection_state_t state, int milliseconds) {
    struct timeval timeout = {milliseconds / 1000, (milliseconds % 1000) * 1000};
    return amqp_set_rpc_timeout(state, &timeout);
}

static inline int crmq_socket_open(amqp_socket_t *socket, const char *host, int port, int milliseconds) {
    struct timeval timeout = {milliseconds / 1000, (milliseconds % 1000) * 1000};
    return amqp_socket_open_noblock(socket, host, port, &timeout);
}

/* A heartbeat frame sent by ourselves, for the time in which nothing is read. */
static inline int crmq_send_heartbeat(amqp_connection_state_t state) {
    amqp_frame_t frame = {.frame_type = AMQP_FRAME_HEARTBEAT, .channel = 0};
    return amqp_send_frame(state, &frame);
}

/* The kernel's own account of a socket's send queue: bytes that still fit before send() would wait; -1 if unknown.
   SO_MEMINFO (socket(7)) counts what the kernel counts; where it is missing, SO_SNDBUF less SIOCOUTQ comes near. */
static inline long crmq_send_room(int fd) {
    uint32_t memory[9] = {0};
    socklen_t length = sizeof memory;
    if (getsockopt(fd, SOL_SOCKET, 55 /* SO_MEMINFO */, memory, &length) == 0 && length >= 6 * sizeof(uint32_t))
        return (long)memory[3] - (long)memory[5];
    int queued = 0, size = 0;
    length = sizeof size;
    if (ioctl(fd, SIOCOUTQ, &queued) != 0 || getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, &length) != 0) return -1;
    return (long)size - (long)queued;
}

static inline int crmq_set_tcp_option(int fd, int option, int value) {
    return setsockopt(fd, IPPROTO_TCP, option, &value, sizeof value);
}

static inline int crmq_set_keep_alive(int fd) {
    int on = 1;
    return setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
}

enum {
    CRMQ_TCP_NODELAY = TCP_NODELAY,
    CRMQ_TCP_CORK = TCP_CORK,
    CRMQ_TCP_USER_TIMEOUT = TCP_USER_TIMEOUT,
    CRMQ_TCP_KEEPIDLE = TCP_KEEPIDLE,
    CRMQ_TCP_KEEPINTVL = TCP_KEEPINTVL,
    CRMQ_TCP_KEEPCNT = TCP_KEEPCNT
};

static inline int crmq_eventfd(void) { return eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC); }

static inline void crmq_name_thread(const char *name) { prctl(PR_SET_NAME, name, 0, 0, 0); }

/* The channel and connection methods carry reply code and text in the same shape. */
static inline amqp_bytes_t crmq_reply_text(uint32_t method, const void *decoded) {
    if (method == AMQP_CHANNEL_CLOSE_METHOD) return ((const amqp_channel_close_t *)decoded)->reply_text;
    return ((const amqp_connection_close_t *)decoded)->reply_text;
}

static inline int crmq_reply_code(uint32_t method, const void *decoded) {
    if (method == AMQP_CHANNEL_CLOSE_METHOD) return ((const amqp_channel_close_t *)decoded)->reply_code;
    return ((const amqp_connection_close_t *)decoded)->reply_code;
}

static inline int crmq_send_channel_close_ok(amqp_connection_state_t state, amqp_channel_t channel) {
    amqp_channel_close_ok_t ok = {0};
    return amqp_send_method(state, channel, AMQP_CHANNEL_CLOSE_OK_METHOD, &ok);
}

static inline int crmq_send_connection_close_ok(amqp_connection_state_t state) {
    amqp_connection_close_ok_t ok = {0};
    return amqp_send_method(state, 0, AMQP_CONNECTION_CLOSE_OK_METHOD, &ok);
}

static inline int crmq_send_channel_flow_ok(amqp_connection_state_t state, amqp_channel_t channel, int active) {
    amqp_channel_flow_ok_t ok = {.active = active};
    return amqp_send_method(state, channel, AMQP_CHANNEL_FLOW_OK_METHOD, &ok);
}

#endif
