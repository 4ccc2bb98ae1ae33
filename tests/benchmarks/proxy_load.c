/* Load for test_proxy_speed.py: a server and its clients, so cheap that what is measured is the proxy between them.

   proxy_load serve PORT                     echoes; to a connection whose first byte is 'b' it sends without end
   proxy_load ask PORT CONNECTIONS SECONDS   1 KiB there and back, over and over on each connection
   proxy_load bulk PORT CONNECTIONS SECONDS  takes what is sent without end

   ask and bulk print one line of JSON. The first fifth of the time is not counted. */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MESSAGE = 1024, BLOCK = 256 * 1024, MOST = 20000, EVENTS = 256, SAMPLES = 8 * 1000 * 1000 };

static char block[BLOCK], taken[BLOCK];
static double began[MOST];
static int got[MOST];
static float took_us[SAMPLES];

static void fail(const char *what) { perror(what); exit(1); }

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

static struct sockaddr_in local(int port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

static void watch(int poll, int fd) {
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    if (epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event)) fail("epoll_ctl");
}

static void *send_without_end(void *given) {
    int fd = (int)(long)given;
    while (send(fd, block, BLOCK, MSG_NOSIGNAL) > 0) {}
    close(fd);
    return NULL;
}

static void serve_one(int poll, int fd) {
    char message[64 * 1024];
    ssize_t count = recv(fd, message, sizeof message, MSG_DONTWAIT);
    if (count < 0 && errno == EAGAIN) return;
    if (count <= 0) {
        close(fd);
    } else if (message[0] == 'b') {
        pthread_t thread;
        epoll_ctl(poll, EPOLL_CTL_DEL, fd, NULL);
        if (pthread_create(&thread, NULL, send_without_end, (void *)(long)fd)) fail("pthread_create");
        pthread_detach(thread);
    } else if (send(fd, message, count, MSG_NOSIGNAL) != count) {
        close(fd);
    }
}

static void serve(int port) {
    int listener = socket(AF_INET, SOCK_STREAM, 0), poll = epoll_create1(0), on = 1;
    struct sockaddr_in address = local(port);
    struct epoll_event events[EVENTS];
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 4096)) fail("listen");
    watch(poll, listener);
    for (;;) {
        int count = epoll_wait(poll, events, EVENTS, -1);
        for (int each = 0; each < count; each++) {
            int fd = events[each].data.fd;
            if (fd != listener) {
                serve_one(poll, fd);
            } else if ((fd = accept(listener, NULL, NULL)) >= 0) {
                setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
                watch(poll, fd);
            }
        }
    }
}

static int connect_to(int port, int poll) {
    int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    struct sockaddr_in address = local(port);
    if (fd < 0 || fd >= MOST || connect(fd, (struct sockaddr *)&address, sizeof address)) fail("connect");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    watch(poll, fd);
    return fd;
}

static void ask_once(int fd) {
    began[fd] = now();
    got[fd] = 0;
    if (send(fd, block, MESSAGE, MSG_NOSIGNAL) != MESSAGE) fail("send");
}

static int by_size(const void *one, const void *other) {
    float a = *(const float *)one, b = *(const float *)other;
    return (a > b) - (a < b);
}

static void run(int port, int connections, double seconds, int bulk) {
    int poll = epoll_create1(0);
    struct epoll_event events[EVENTS];
    char message[MESSAGE];
    long long bytes = 0;
    long samples = 0;
    for (int each = 0; each < connections; each++) {
        int fd = connect_to(port, poll);
        if (bulk) {
            if (send(fd, "b", 1, 0) != 1) fail("send");
        } else {
            ask_once(fd);
        }
    }
    double first = now() + seconds / 5, last = now() + seconds, at = now();
    while (at < last) {
        int count = epoll_wait(poll, events, EVENTS, 1000);
        for (int each = 0; each < count; each++) {
            int fd = events[each].data.fd;
            ssize_t read = bulk ? recv(fd, taken, sizeof taken, MSG_DONTWAIT)
                                : recv(fd, message, MESSAGE, MSG_DONTWAIT);
            if (read < 0 && errno == EAGAIN) continue;
            if (read <= 0) fail("recv");
            at = now();
            if (at >= first) bytes += read;
            if (bulk || (got[fd] += read) < MESSAGE) continue;
            if (at >= first && samples < SAMPLES) took_us[samples++] = (at - began[fd]) * 1e6;
            ask_once(fd);
        }
        at = now();
    }
    double counted = last - first;
    if (bulk) {
        printf("{\"mb_per_second\": %.1f}\n", bytes / counted / 1e6);
        return;
    }
    qsort(took_us, samples, sizeof *took_us, by_size);
    printf("{\"per_second\": %.1f, \"p50_us\": %.1f, \"p99_us\": %.1f, \"least_us\": %.1f, \"most_us\": %.1f}\n",
           samples / counted, took_us[samples / 2], took_us[samples * 99 / 100], took_us[0], took_us[samples - 1]);
}

int main(int count, char **arguments) {
    memset(block, 'x', sizeof block);
    signal(SIGPIPE, SIG_IGN);
    if (count == 3 && !strcmp(arguments[1], "serve")) serve(atoi(arguments[2]));
    if (count != 5) return 2;
    run(atoi(arguments[2]), atoi(arguments[3]), atof(arguments[4]), !strcmp(arguments[1], "bulk"));
    return 0;
}
