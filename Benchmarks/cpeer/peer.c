// The yardstick for backorderd's throughput: a C program on librabbitmq that decides nothing and stores nothing.
// It consumes, publishes K messages for each delivery (persistent, mandatory, confirmed), and acknowledges a delivery
// once all that it caused is confirmed. What it reaches is what this broker and this library give on this machine.
//
//   peer HOST PORT USER PASSWORD VHOST QUEUE EXCHANGE ROUTING_KEY COUNT OUT_PER_1000 BODY_BYTES
//
// Prints one line: seconds, deliveries a second, messages published, own CPU in microseconds for each delivery.
#define _DEFAULT_SOURCE
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <amqp.h>
#include <amqp_framing.h>
#include <amqp_tcp_socket.h>

enum { prefetch = 1000, window = 4096, burst = 256, ack_batch = 250 };

static void fail(const char *what) {
    fprintf(stderr, "peer: %s\n", what);
    exit(1);
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void answered(amqp_connection_state_t c, const char *what) {
    if (amqp_get_rpc_reply(c).reply_type != AMQP_RESPONSE_NORMAL) fail(what);
}

static amqp_connection_state_t dial(char **argv) {
    amqp_connection_state_t c = amqp_new_connection();
    amqp_socket_t *s = amqp_tcp_socket_new(c);
    if (!s || amqp_socket_open(s, argv[1], atoi(argv[2]))) fail("cannot connect");
    amqp_rpc_reply_t r = amqp_login(c, argv[5], 8, 131072, 60, AMQP_SASL_METHOD_PLAIN, argv[3], argv[4]);
    if (r.reply_type != AMQP_RESPONSE_NORMAL) fail("cannot log in");
    amqp_channel_open(c, 1);
    answered(c, "cannot open a channel");
    return c;
}

// One frame if there is one now. False: none.
static bool next_frame(amqp_connection_state_t c, amqp_frame_t *frame) {
    struct timeval none = {0, 0};
    int status = amqp_simple_wait_frame_noblock(c, frame, &none);
    if (status == AMQP_STATUS_TIMEOUT) return false;
    if (status != AMQP_STATUS_OK) fail(amqp_error_string2(status));
    if (frame->frame_type == AMQP_FRAME_METHOD &&
        (frame->payload.method.id == AMQP_CHANNEL_CLOSE_METHOD || frame->payload.method.id == AMQP_CONNECTION_CLOSE_METHOD))
        fail("the broker closed the channel");
    return true;
}

// Publications are numbered from 1; settled[n % window] holds those above `confirmed` that came out of turn.
static uint64_t published, confirmed;
static bool settled[window];

static void read_confirms(amqp_connection_state_t c) {
    amqp_frame_t frame;
    while (next_frame(c, &frame)) {
        if (frame.frame_type == AMQP_FRAME_METHOD) {
            if (frame.payload.method.id == AMQP_BASIC_NACK_METHOD) fail("the broker refused a message");
            if (frame.payload.method.id == AMQP_BASIC_RETURN_METHOD) fail("a message came back: nothing is bound for its routing key");
            if (frame.payload.method.id == AMQP_BASIC_ACK_METHOD) {
                amqp_basic_ack_t *ack = frame.payload.method.decoded;
                if (ack->multiple)
                    for (uint64_t n = confirmed + 1; n <= ack->delivery_tag; n++) settled[n % window] = true;
                else
                    settled[ack->delivery_tag % window] = true;
                while (confirmed < published && settled[(confirmed + 1) % window]) settled[++confirmed % window] = false;
            }
        }
        amqp_maybe_release_buffers_on_channel(c, 1);
    }
}

// Frames of deliveries, counted as they become complete.
static uint64_t received, expected_bytes;
static bool in_header;

static bool read_delivery(amqp_connection_state_t c) {
    amqp_frame_t frame;
    while (next_frame(c, &frame)) {
        bool complete = false;
        if (frame.frame_type == AMQP_FRAME_METHOD && frame.payload.method.id == AMQP_BASIC_DELIVER_METHOD) in_header = true;
        else if (frame.frame_type == AMQP_FRAME_HEADER && in_header) {
            expected_bytes = frame.payload.properties.body_size;
            in_header = false;
            complete = expected_bytes == 0;
        } else if (frame.frame_type == AMQP_FRAME_BODY) {
            expected_bytes -= frame.payload.body_fragment.len;
            complete = expected_bytes == 0;
        }
        amqp_maybe_release_buffers_on_channel(c, 1);
        if (complete) {
            received++;
            return true;
        }
    }
    return false;
}

// Held back for one burst: the library sends three small pieces for each message, the wire need not.
static void cork(amqp_connection_state_t c, int on) {
    setsockopt(amqp_get_sockfd(c), IPPROTO_TCP, TCP_CORK, &on, sizeof on);
}

int main(int argc, char **argv) {
    if (argc != 12) fail("usage: peer HOST PORT USER PASSWORD VHOST QUEUE EXCHANGE ROUTING_KEY COUNT OUT_PER_1000 BODY_BYTES");
    amqp_bytes_t queue = amqp_cstring_bytes(argv[6]), exchange = amqp_cstring_bytes(argv[7]), key = amqp_cstring_bytes(argv[8]);
    uint64_t count = strtoull(argv[9], NULL, 10), per_1000 = strtoull(argv[10], NULL, 10);
    size_t size = strtoull(argv[11], NULL, 10);
    if (count == 0 || per_1000 > 1000000) fail("COUNT has to be 1 or more, OUT_PER_1000 at most 1000000");
    char *bytes = malloc(size + 1);
    if (!bytes) fail("no memory");
    memset(bytes, 'x', size);
    amqp_bytes_t body = {size, bytes};

    amqp_connection_state_t in = dial(argv), out = dial(argv);
    amqp_confirm_select(out, 1);
    answered(out, "no confirms");
    amqp_basic_qos(in, 1, 0, prefetch, 0);
    answered(in, "no prefetch");
    amqp_basic_consume(in, 1, queue, amqp_empty_bytes, 0, 0, 0, amqp_empty_table);
    answered(in, "cannot consume");
    double began = now();

    // caused[tag % window]: the publication that has to be confirmed before the delivery may be acknowledged.
    static uint64_t caused[window];
    uint64_t acknowledged = 0, due = 0, handled = 0;
    while (acknowledged < count) {
        uint64_t before = handled + confirmed;
        cork(out, 1);
        for (int i = 0; i < burst && handled < count; i++) {
            if (handled == received && !read_delivery(in)) break;
            uint64_t owed = (handled + 1) * per_1000 / 1000;
            if (owed - due > window) fail("OUT_PER_1000 is larger than the window");
            if (published - confirmed + (owed - due) > window - 1) break;
            for (; due < owed; due++) {
                char id[24];
                snprintf(id, sizeof id, "%llu", (unsigned long long)(published + 1));
                amqp_basic_properties_t p = {._flags = AMQP_BASIC_CONTENT_TYPE_FLAG | AMQP_BASIC_DELIVERY_MODE_FLAG | AMQP_BASIC_MESSAGE_ID_FLAG,
                                             .content_type = amqp_cstring_bytes("application/json"), .delivery_mode = 2,
                                             .message_id = amqp_cstring_bytes(id)};
                if (amqp_basic_publish(out, 1, exchange, key, 1, 0, &p, body)) fail("cannot publish");
                published++;
            }
            caused[++handled % window] = published;
        }
        cork(out, 0);
        read_confirms(out);
        uint64_t ready = acknowledged;
        while (ready < handled && caused[(ready + 1) % window] <= confirmed) ready++;
        // Few, large acknowledgements; but none is held back once there is nothing else to do.
        bool idle = before == handled + confirmed;
        if (ready - acknowledged >= ack_batch || (ready > acknowledged && (idle || ready == count))) {
            if (amqp_basic_ack(in, 1, ready, 1)) fail("cannot acknowledge");
            acknowledged = ready;
        } else if (idle) {
            struct pollfd fds[2] = {{amqp_get_sockfd(in), POLLIN, 0}, {amqp_get_sockfd(out), POLLIN, 0}};
            if (poll(fds, 2, 10000) == 0) fail("nothing came for 10 s");
        }
    }
    double seconds = now() - began;
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    double cpu = (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) + (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
    printf("{\"seconds\": %.3f, \"per_second\": %.0f, \"published\": %llu, \"cpu_us\": %.2f}\n", seconds, (double)count / seconds,
           (unsigned long long)published, cpu * 1e6 / (double)count);
    amqp_connection_close(in, AMQP_REPLY_SUCCESS);
    amqp_connection_close(out, AMQP_REPLY_SUCCESS);
    amqp_destroy_connection(in);
    amqp_destroy_connection(out);
    free(bytes);
    return 0;
}
