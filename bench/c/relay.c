/* A plain relay: one thread with epoll, one datagram in each call, and a socket for each client.
 *
 * usage: relay ADDR PORT TO
 *
 * It forwards to port TO of 127.0.0.1. It prints "ready" when it is bound to ADDR:PORT, and runs until
 * it is killed. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>

enum { SIZE = 65536, BUFFER = 4 << 20, SLOTS = 1 << 17, EVENTS = 64, MAX_TURN = 64 };

struct client {
	struct sockaddr_in peer;
	int fd; /* socket connected to the server; 0 if the slot is free */
};

static struct client clients[SLOTS];
static struct sockaddr_in server = {.sin_family = AF_INET};
static int listener, poll_fd;
static char buf[SIZE];

static void die(const char *what) {
	perror(what);
	exit(1);
}

static int open_socket(void) {
	int fd = socket(AF_INET, SOCK_DGRAM, 0), size = BUFFER;
	if (fd < 0)
		die("socket");
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size))
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
	return fd;
}

static void poll_socket(int fd, struct client *c) {
	struct epoll_event e = {.events = EPOLLIN, .data.ptr = c};
	if (epoll_ctl(poll_fd, EPOLL_CTL_ADD, fd, &e))
		die("epoll_ctl");
}

/* find_client returns the client with the given address. If there is none, it adds one. */
static struct client *find_client(const struct sockaddr_in *peer) {
	uint64_t key = (uint64_t)peer->sin_addr.s_addr << 16 | peer->sin_port;
	size_t i = (key * 0x9e3779b97f4a7c15u) >> 47;
	while (clients[i].fd && (clients[i].peer.sin_addr.s_addr != peer->sin_addr.s_addr ||
				 clients[i].peer.sin_port != peer->sin_port))
		i = (i + 1) % SLOTS;
	if (!clients[i].fd) {
		clients[i].peer = *peer;
		clients[i].fd = open_socket();
		if (connect(clients[i].fd, (struct sockaddr *)&server, sizeof server))
			die("connect");
		poll_socket(clients[i].fd, &clients[i]);
	}
	return &clients[i];
}

static void forward_requests(void) {
	for (int i = 0; i < MAX_TURN; i++) {
		struct sockaddr_in peer;
		socklen_t len = sizeof peer;
		ssize_t n = recvfrom(listener, buf, SIZE, MSG_DONTWAIT, (struct sockaddr *)&peer, &len);
		if (n < 0)
			return;
		send(find_client(&peer)->fd, buf, (size_t)n, 0);
	}
}

static void forward_responses(struct client *c) {
	for (int i = 0; i < MAX_TURN; i++) {
		ssize_t n = recv(c->fd, buf, SIZE, MSG_DONTWAIT);
		if (n < 0)
			return;
		sendto(listener, buf, (size_t)n, 0, (struct sockaddr *)&c->peer, sizeof c->peer);
	}
}

int main(int argc, char **argv) {
	struct sockaddr_in addr = {.sin_family = AF_INET};
	if (argc != 4 || !inet_aton(argv[1], &addr.sin_addr))
		return 2;
	addr.sin_port = htons((uint16_t)atoi(argv[2]));
	server.sin_port = htons((uint16_t)atoi(argv[3]));
	server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	listener = open_socket();
	poll_fd = epoll_create1(0);
	if (bind(listener, (struct sockaddr *)&addr, sizeof addr))
		die("bind");
	poll_socket(listener, NULL);
	puts("ready");
	fflush(stdout);
	for (;;) {
		struct epoll_event events[EVENTS];
		int n = epoll_wait(poll_fd, events, EVENTS, -1);
		for (int i = 0; i < n; i++) {
			if (events[i].data.ptr)
				forward_responses(events[i].data.ptr);
			else
				forward_requests();
		}
	}
}
