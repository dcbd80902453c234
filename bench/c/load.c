/* The load generator: one thread on one core.
 *
 * usage: load flood  PORT SIZE CLIENTS SECONDS
 *        load closed PORT SIZE CLIENTS INFLIGHT SECONDS
 *        load runs   PORT SIZE CLIENTS INFLIGHT SECONDS
 *
 * The requests go to 127.0.0.1:PORT.
 *
 *   flood   open loop: sends as fast as the kernel accepts datagrams, without segments, and does
 *           not wait for responses
 *   closed  closed loop: keeps INFLIGHT requests of each client in flight
 *   runs    closed loop with segments: sends INFLIGHT requests of each client as segments
 *           (UDP_SEGMENT, UDP_GRO)
 *
 * At the end, one more client repeats a request until it receives a response. Servers respond in
 * order, so all earlier requests have then been answered. The time is measured up to this point.
 *
 * Output, on one line:
 *
 *   responses  number of responses that arrived, including those that the kernel dropped because a
 *              client's receive buffer was full: the server sent them too
 *   seconds    measured time
 *   checked    number of responses whose content was checked
 *   wrong      number of those with wrong content; if not 0, the exit status is 1
 *   p50, p99   median and 99th percentile of the round-trip time in ns, if each client has one
 *              request in flight; otherwise 0 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <limits.h>
#include <netinet/udp.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>

#include "flip.h"

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#ifndef UDP_GRO
#define UDP_GRO 104
#endif
#ifndef SO_MEMINFO
#define SO_MEMINFO 55
#endif

enum { MAX_SEGMENTS = 64, MAX_PAYLOAD = 65507, BUFFER = 4 << 20, MEMINFO_DROPS = 8, TRIPS = 1 << 20, CHECK = 64 };

struct client {
	int fd;
	int in_flight;  /* number of requests in flight */
	char *request;  /* MAX_SEGMENTS copies of the request */
	char *expected; /* the right response */
	uint64_t sent;  /* time of the last request, in ns */
};

static struct client *clients;
static size_t size;
static int nclients, segments;
static uint64_t responses, checked, wrong;
static uint64_t trips[TRIPS];
static size_t ntrips;
static char buf[65536];

static uint64_t now(void) {
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void die(const char *what) {
	perror(what);
	exit(1);
}

static void check(const struct client *c, const char *received, size_t n) {
	checked++;
	if (n != size || memcmp(received, c->expected, n))
		wrong++;
}

static void open_client(struct client *c, int number, int port, int offload) {
	struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
				   .sin_port = htons((unsigned short)port)};
	int buffer = BUFFER, on = 1;
	c->fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&addr, sizeof addr))
		die("connect");
	if (setsockopt(c->fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof buffer))
		setsockopt(c->fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof buffer);
	setsockopt(c->fd, SOL_SOCKET, SO_SNDBUFFORCE, &buffer, sizeof buffer);
	if (offload && setsockopt(c->fd, IPPROTO_UDP, UDP_GRO, &on, sizeof on))
		die("UDP_GRO");
	c->request = malloc(size * MAX_SEGMENTS + 1);
	c->expected = malloc(size + 1);
	for (size_t i = 0; i < size; i++) /* letters that differ between clients */
		c->request[i] = (char)((i % 2 ? 'a' : 'A') + (i / 2 + (size_t)number * 7 + i * i) % 26);
	for (int i = 1; i < MAX_SEGMENTS; i++)
		memcpy(c->request + (size_t)i * size, c->request, size);
	flip(c->expected, c->request, size);
}

/* send_segments sends n requests of a client as segments of one message. n must not exceed the
 * kernel's limit. It returns n, or -1 if the kernel refuses the message. */
static int send_segments(struct client *c, int n) {
	_Alignas(struct cmsghdr) char ctl[CMSG_SPACE(sizeof(uint16_t))] = {0};
	struct iovec iov = {c->request, size * (size_t)n};
	struct msghdr h = {.msg_iov = &iov, .msg_iovlen = 1};
	if (n > 1) {
		h.msg_control = ctl;
		h.msg_controllen = sizeof ctl;
		struct cmsghdr *m = CMSG_FIRSTHDR(&h);
		m->cmsg_level = IPPROTO_UDP;
		m->cmsg_type = UDP_SEGMENT;
		m->cmsg_len = CMSG_LEN(sizeof(uint16_t));
		uint16_t s = (uint16_t)size;
		memcpy(CMSG_DATA(m), &s, sizeof s);
	}
	return sendmsg(c->fd, &h, 0) < 0 ? -1 : n;
}

static uint32_t dropped(int fd) {
	uint32_t info[16] = {0};
	socklen_t len = sizeof info;
	if (getsockopt(fd, SOL_SOCKET, SO_MEMINFO, info, &len))
		die("SO_MEMINFO");
	return info[MEMINFO_DROPS];
}

/* send_each sends n requests of a client without segments, in one call. */
static void send_each(struct client *c, int n) {
	static struct mmsghdr tx[MAX_SEGMENTS];
	static struct iovec iov[MAX_SEGMENTS];
	for (int i = 0; i < n; i++) {
		iov[i] = (struct iovec){c->request, size};
		tx[i].msg_hdr = (struct msghdr){.msg_iov = &iov[i], .msg_iovlen = 1};
	}
	sendmmsg(c->fd, tx, (unsigned)n, 0);
}

/* flood sends until end without waiting. It reads and checks only a few responses, so that the core
 * can send. count_rest counts the others in the receive buffers, and by the drop counters. */
static void flood(uint64_t end) {
	for (unsigned round = 0; now() < end; round++)
		for (int i = 0; i < nclients; i++) {
			struct client *c = &clients[i];
			send_each(c, MAX_SEGMENTS);
			if (round % 16 == 0) {
				ssize_t n = recv(c->fd, buf, sizeof buf, MSG_DONTWAIT);
				if (n >= 0) {
					responses++;
					check(c, buf, (size_t)n);
				}
			}
		}
}

/* await_last repeats a request until its response arrives. All earlier requests have then been
 * answered. */
static void await_last(struct client *c) {
	struct pollfd p = {c->fd, POLLIN, 0};
	for (uint64_t limit = now() + 5000000000u; now() < limit;) {
		send(c->fd, c->request, size, 0);
		if (poll(&p, 1, 1) <= 0)
			continue;
		ssize_t n = recv(c->fd, buf, sizeof buf, MSG_DONTWAIT);
		if (n < 0)
			continue;
		check(c, buf, (size_t)n);
		return;
	}
	fputs("the server has stopped responding\n", stderr);
	exit(1);
}

/* receive reads the queued responses of a client and returns their number. */
static int receive(struct client *c) {
	int received = 0;
	for (;;) {
		_Alignas(struct cmsghdr) char ctl[64];
		struct iovec iov = {buf, sizeof buf};
		struct msghdr h = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = ctl,
				   .msg_controllen = sizeof ctl};
		ssize_t n = recvmsg(c->fd, &h, MSG_DONTWAIT);
		if (n < 0)
			break;
		int k = (size_t)n > size ? (int)((size_t)n / size) : 1;
		if (responses == 0 || responses / CHECK != (responses + (uint64_t)k) / CHECK)
			check(c, buf, k > 1 ? size : (size_t)n);
		responses += (uint64_t)k;
		received += k;
		if (received >= c->in_flight)
			break;
	}
	return received;
}

/* count_rest counts the responses in the receive buffers, and those that the kernel has dropped. */
static void count_rest(void) {
	for (int i = 0; i < nclients; i++) {
		clients[i].in_flight = INT_MAX;
		receive(&clients[i]);
		responses += dropped(clients[i].fd);
	}
}

/* send_requests sends n requests of a client. */
static void send_requests(struct client *c, int n) {
	c->sent = now();
	while (n > 0) {
		int k = send_segments(c, n < segments ? n : segments);
		if (k < 0)
			break; /* lost: closed sends again after 50 ms */
		n -= k;
		c->in_flight += k;
	}
}

/* closed keeps inflight requests of each client in flight until end. If a client has sent nothing for
 * 50 ms, closed treats its requests as lost and sends new ones. */
static void closed(int inflight, uint64_t end) {
	int ep = epoll_create1(0);
	struct epoll_event ev[64];
	uint64_t t, last_check = now();
	for (int i = 0; i < nclients; i++) {
		struct epoll_event e = {.events = EPOLLIN, .data.u32 = (uint32_t)i};
		if (epoll_ctl(ep, EPOLL_CTL_ADD, clients[i].fd, &e))
			die("epoll");
		send_requests(&clients[i], inflight);
	}
	while ((t = now()) < end) {
		int n = epoll_wait(ep, ev, 64, 10);
		for (int i = 0; i < n; i++) {
			struct client *c = &clients[ev[i].data.u32];
			int received = receive(c);
			if (inflight == 1 && received == 1 && ntrips < TRIPS)
				trips[ntrips++] = now() - c->sent;
			c->in_flight -= received < c->in_flight ? received : c->in_flight;
			if (segments == 1 || c->in_flight == 0)
				send_requests(c, inflight - c->in_flight);
		}
		t = now(); /* must not be earlier than the time of any request */
		if (t - last_check < 50000000u)
			continue;
		last_check = t;
		for (int i = 0; i < nclients; i++)
			if (t - clients[i].sent > 50000000u) {
				clients[i].in_flight = 0;
				send_requests(&clients[i], inflight);
			}
	}
}

static int ascending(const void *a, const void *b) {
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return x < y ? -1 : x > y;
}

int main(int argc, char **argv) {
	if (argc < 6)
		return 2;
	int is_flood = !strcmp(argv[1], "flood"), is_segments = !strcmp(argv[1], "runs");
	int port = atoi(argv[2]), inflight = is_flood ? 0 : atoi(argv[5]);
	double seconds = atof(argv[argc - 1]);
	size = (size_t)atoi(argv[3]);
	nclients = atoi(argv[4]);
	segments = size ? (int)(MAX_PAYLOAD / size) : 1;
	if (segments > MAX_SEGMENTS)
		segments = MAX_SEGMENTS;
	if (!is_flood && !is_segments)
		segments = 1;
	clients = calloc((size_t)nclients + 1, sizeof *clients);
	for (int i = 0; i <= nclients; i++)
		open_client(&clients[i], i, port, is_segments);
	uint64_t begin = now(), end = begin + (uint64_t)(seconds * 1e9);
	if (is_flood)
		flood(end);
	else
		closed(inflight, end);
	await_last(&clients[nclients]);
	uint64_t took = now() - begin;
	count_rest();
	qsort(trips, ntrips, sizeof *trips, ascending);
	printf("responses %llu seconds %.6f checked %llu wrong %llu p50 %llu p99 %llu\n",
	       (unsigned long long)responses, (double)took / 1e9, (unsigned long long)checked,
	       (unsigned long long)wrong, (unsigned long long)(ntrips ? trips[ntrips / 2] : 0),
	       (unsigned long long)(ntrips ? trips[ntrips * 99 / 100] : 0));
	return wrong != 0 || checked == 0;
}
