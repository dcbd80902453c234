/* A minimal server that shows the limit of the socket interface: one thread that calls recvmmsg and
 * sendmmsg with up to 64 datagrams.
 *
 * usage: batch ADDR PORT [1]
 *
 * With a third argument, it calls recvfrom and sendto instead, with one datagram at a time. It prints
 * "ready" when it is bound to ADDR:PORT, and runs until it is killed. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "flip.h"

enum { WIDTH = 64, SIZE = 65536, BUFFER = 4 << 20 };

static char in[WIDTH][SIZE], out[WIDTH][SIZE];

static void serve_single(int fd) {
	for (;;) {
		struct sockaddr_in peer;
		socklen_t len = sizeof peer;
		ssize_t n = recvfrom(fd, in[0], SIZE, 0, (struct sockaddr *)&peer, &len);
		if (n < 0)
			continue;
		flip(out[0], in[0], (size_t)n);
		sendto(fd, out[0], (size_t)n, 0, (struct sockaddr *)&peer, len);
	}
}

static void serve_batches(int fd) {
	static struct mmsghdr rx[WIDTH], tx[WIDTH];
	static struct iovec riov[WIDTH], tiov[WIDTH];
	static struct sockaddr_in peer[WIDTH];
	for (int i = 0; i < WIDTH; i++) {
		riov[i] = (struct iovec){in[i], SIZE};
		rx[i].msg_hdr = (struct msghdr){.msg_name = &peer[i], .msg_namelen = sizeof peer[i],
						.msg_iov = &riov[i], .msg_iovlen = 1};
		tiov[i].iov_base = out[i];
		tx[i].msg_hdr = (struct msghdr){.msg_name = &peer[i], .msg_namelen = sizeof peer[i],
						.msg_iov = &tiov[i], .msg_iovlen = 1};
	}
	for (;;) {
		int n = recvmmsg(fd, rx, WIDTH, MSG_WAITFORONE, NULL);
		for (int i = 0; i < n; i++) {
			flip(out[i], in[i], rx[i].msg_len);
			tiov[i].iov_len = rx[i].msg_len;
			rx[i].msg_hdr.msg_namelen = sizeof peer[i];
		}
		for (int sent = 0; sent < n;) {
			int k = sendmmsg(fd, tx + sent, (unsigned)(n - sent), 0);
			sent += k > 0 ? k : 1; /* drop a datagram that cannot be sent */
		}
	}
}

int main(int argc, char **argv) {
	int fd = socket(AF_INET, SOCK_DGRAM, 0), size = BUFFER;
	struct sockaddr_in addr = {.sin_family = AF_INET};
	if (argc < 3 || !inet_aton(argv[1], &addr.sin_addr))
		return 2;
	addr.sin_port = htons((unsigned short)atoi(argv[2]));
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size))
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
	if (bind(fd, (struct sockaddr *)&addr, sizeof addr)) {
		perror("bind");
		return 1;
	}
	puts("ready");
	fflush(stdout);
	if (argc > 3)
		serve_single(fd);
	serve_batches(fd);
}
