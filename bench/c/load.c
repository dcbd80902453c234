/* The load generator: one thread, one core.
 *
 * usage: load flood  PORT SIZE CLIENTS SECONDS
 *        load closed PORT SIZE CLIENTS INFLIGHT SECONDS
 *        load runs   PORT SIZE CLIENTS INFLIGHT SECONDS
 *
 * flood sends as fast as the kernel takes it, whatever comes back (open loop), each datagram by itself;
 * closed keeps INFLIGHT requests of each client on their way; runs does so with runs of INFLIGHT
 * datagrams that the kernel takes and gives as one (UDP_SEGMENT, UDP_GRO). All talk to
 * 127.0.0.1:PORT.
 *
 * When the time is over one socket more asks until it is answered: servers answer in order, so all
 * that was asked before is answered by then. Only then it counts.
 *
 * It prints one line: answers arrived (those that found no room in a client's buffer included, for
 * the server sent them too), the seconds until the last of them, answers checked, wrong ones, and where
 * a client has one request in flight the median and the 99th percentile of the round trip in
 * nanoseconds. A wrong answer makes it fail. */
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

enum { RUN = 64, MOST = 65507, BUFFER = 4 << 20, MEMINFO_DROPS = 8, TRIPS = 1 << 20, CHECK = 64 };

struct client {
	int fd;
	int owed;           /* requests on their way */
	char *request;      /* RUN times the same datagram */
	char *want;
	uint64_t sent;      /* when the last request was, in ns */
};

static struct client *clients;
static size_t size;
static int nclients, run;
static uint64_t answers, checked, wrong;
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

static void check(const struct client *c, const char *got, size_t n) {
	checked++;
	if (n != size || memcmp(got, c->want, n))
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
	c->request = malloc(size * RUN + 1);
	c->want = malloc(size + 1);
	for (size_t i = 0; i < size; i++) /* letters, other ones for each client */
		c->request[i] = (char)((i % 2 ? 'a' : 'A') + (i / 2 + (size_t)number * 7 + i * i) % 26);
	for (int i = 1; i < RUN; i++)
		memcpy(c->request + (size_t)i * size, c->request, size);
	flip(c->want, c->request, size);
}

/* send_run sends n datagrams of a client as one, n at most the limit of the kernel. */
static int send_run(struct client *c, int n) {
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

static uint32_t drops(int fd) {
	uint32_t info[16] = {0};
	socklen_t len = sizeof info;
	if (getsockopt(fd, SOL_SOCKET, SO_MEMINFO, info, &len))
		die("SO_MEMINFO");
	return info[MEMINFO_DROPS];
}

/* send_each sends n datagrams of a client one by one, with one call. */
static void send_each(struct client *c, int n) {
	static struct mmsghdr tx[RUN];
	static struct iovec iov[RUN];
	for (int i = 0; i < n; i++) {
		iov[i] = (struct iovec){c->request, size};
		tx[i].msg_hdr = (struct msghdr){.msg_iov = &iov[i], .msg_iovlen = 1};
	}
	sendmmsg(c->fd, tx, (unsigned)n, 0);
}

/* flood sends without waiting. Answers are left in the clients' buffers, which keeps the generator's
 * core for sending, and counted by their drops; a few are read and checked. */
static void flood(uint64_t end) {
	for (unsigned round = 0; now() < end; round++)
		for (int i = 0; i < nclients; i++) {
			struct client *c = &clients[i];
			send_each(c, RUN);
			if (round % 16 == 0) {
				ssize_t n = recv(c->fd, buf, sizeof buf, MSG_DONTWAIT);
				if (n >= 0) {
					answers++;
					check(c, buf, (size_t)n);
				}
			}
		}
}

/* last asks until it is answered, which is when all that was asked before is. */
static void last(struct client *c) {
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
	fputs("the server does not answer any more\n", stderr);
	exit(1);
}

/* take reads what a client has got: datagrams, or runs of them. */
static int take(struct client *c) {
	int got = 0;
	for (;;) {
		_Alignas(struct cmsghdr) char ctl[64];
		struct iovec iov = {buf, sizeof buf};
		struct msghdr h = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = ctl,
				   .msg_controllen = sizeof ctl};
		ssize_t n = recvmsg(c->fd, &h, MSG_DONTWAIT);
		if (n < 0)
			break;
		int k = (size_t)n > size ? (int)((size_t)n / size) : 1;
		if (answers == 0 || answers / CHECK != (answers + (uint64_t)k) / CHECK)
			check(c, buf, k > 1 ? size : (size_t)n);
		answers += (uint64_t)k;
		got += k;
		if (got >= c->owed)
			break;
	}
	return got;
}

/* settle counts what is left in the buffers and what found no room in them. */
static void settle(void) {
	for (int i = 0; i < nclients; i++) {
		clients[i].owed = INT_MAX;
		take(&clients[i]);
		answers += drops(clients[i].fd);
	}
}

static void put(struct client *c, int n) {
	c->sent = now();
	while (n > 0) {
		int k = send_run(c, n < run ? n : run);
		if (k < 0)
			break; /* lost: the watch below sends again */
		n -= k;
		c->owed += k;
	}
}

/* closed keeps inflight requests of each client on their way. What is not answered for 50 ms counts
 * as lost and is sent anew. */
static void closed(int inflight, uint64_t end) {
	int ep = epoll_create1(0);
	struct epoll_event ev[64];
	uint64_t t, watch = now();
	for (int i = 0; i < nclients; i++) {
		struct epoll_event e = {.events = EPOLLIN, .data.u32 = (uint32_t)i};
		if (epoll_ctl(ep, EPOLL_CTL_ADD, clients[i].fd, &e))
			die("epoll");
		put(&clients[i], inflight);
	}
	while ((t = now()) < end) {
		int n = epoll_wait(ep, ev, 64, 10);
		for (int i = 0; i < n; i++) {
			struct client *c = &clients[ev[i].data.u32];
			int got = take(c);
			if (inflight == 1 && got == 1 && ntrips < TRIPS)
				trips[ntrips++] = now() - c->sent;
			c->owed -= got < c->owed ? got : c->owed;
			if (run == 1 || c->owed == 0)
				put(c, inflight - c->owed);
		}
		t = now(); /* not before any request was sent */
		if (t - watch < 50000000u)
			continue;
		watch = t;
		for (int i = 0; i < nclients; i++)
			if (t - clients[i].sent > 50000000u) {
				clients[i].owed = 0;
				put(&clients[i], inflight);
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
	int isflood = !strcmp(argv[1], "flood"), isruns = !strcmp(argv[1], "runs");
	int port = atoi(argv[2]), inflight = isflood ? 0 : atoi(argv[5]);
	double seconds = atof(argv[argc - 1]);
	size = (size_t)atoi(argv[3]);
	nclients = atoi(argv[4]);
	run = size ? (int)(MOST / size) : 1;
	if (run > RUN)
		run = RUN;
	if (!isflood && !isruns)
		run = 1;
	clients = calloc((size_t)nclients + 1, sizeof *clients);
	for (int i = 0; i <= nclients; i++)
		open_client(&clients[i], i, port, isruns);
	uint64_t begin = now(), end = begin + (uint64_t)(seconds * 1e9);
	if (isflood)
		flood(end);
	else
		closed(inflight, end);
	last(&clients[nclients]);
	uint64_t took = now() - begin;
	settle();
	qsort(trips, ntrips, sizeof *trips, ascending);
	printf("answers %llu seconds %.6f checked %llu wrong %llu p50 %llu p99 %llu\n",
	       (unsigned long long)answers, (double)took / 1e9, (unsigned long long)checked,
	       (unsigned long long)wrong, (unsigned long long)(ntrips ? trips[ntrips / 2] : 0),
	       (unsigned long long)(ntrips ? trips[ntrips * 99 / 100] : 0));
	return wrong != 0 || checked == 0;
}
