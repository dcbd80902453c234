/* A minimal server that shows the limit with segments: one thread that receives batches of messages
 * with segments (UDP_GRO) and sends responses as segments (UDP_SEGMENT).
 *
 * usage: gso ADDR PORT
 *
 * It prints "ready" when it is bound to ADDR:PORT, and runs until it is killed. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/udp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "flip.h"

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#ifndef UDP_GRO
#define UDP_GRO 104
#endif

enum { WIDTH = 64, SIZE = 65536, BUFFER = 4 << 20, CONTROL = 64 };

static char in[WIDTH][SIZE], out[WIDTH][SIZE];
static struct mmsghdr rx[WIDTH], tx[WIDTH];
static struct iovec riov[WIDTH], tiov[WIDTH];
static struct sockaddr_in peer[WIDTH];
static _Alignas(struct cmsghdr) char rctl[WIDTH][CONTROL], tctl[WIDTH][CONTROL];

/* segment_size returns the size of the datagrams in row i. For a single datagram, it is the length. */
static size_t segment_size(int i) {
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&rx[i].msg_hdr); c; c = CMSG_NXTHDR(&rx[i].msg_hdr, c))
		if (c->cmsg_level == IPPROTO_UDP && c->cmsg_type == UDP_GRO) {
			int size;
			memcpy(&size, CMSG_DATA(c), sizeof size);
			return (size_t)size;
		}
	return rx[i].msg_len;
}

static void respond(int i) {
	size_t len = rx[i].msg_len, size = segment_size(i);
	for (size_t at = 0; at < len; at += size)
		flip(out[i] + at, in[i] + at, len - at < size ? len - at : size);
	struct msghdr *h = &tx[i].msg_hdr;
	tiov[i].iov_len = len;
	h->msg_control = NULL;
	h->msg_controllen = 0;
	if (len > size) {
		h->msg_control = tctl[i];
		h->msg_controllen = CMSG_SPACE(sizeof(uint16_t));
		struct cmsghdr *c = CMSG_FIRSTHDR(h);
		c->cmsg_level = IPPROTO_UDP;
		c->cmsg_type = UDP_SEGMENT;
		c->cmsg_len = CMSG_LEN(sizeof(uint16_t));
		uint16_t s = (uint16_t)size;
		memcpy(CMSG_DATA(c), &s, sizeof s);
	}
	rx[i].msg_hdr.msg_namelen = sizeof peer[i];
	rx[i].msg_hdr.msg_controllen = CONTROL;
}

int main(int argc, char **argv) {
	int fd = socket(AF_INET, SOCK_DGRAM, 0), size = BUFFER, on = 1;
	struct sockaddr_in addr = {.sin_family = AF_INET};
	if (argc < 3 || !inet_aton(argv[1], &addr.sin_addr))
		return 2;
	addr.sin_port = htons((unsigned short)atoi(argv[2]));
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size))
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
	if (setsockopt(fd, IPPROTO_UDP, UDP_GRO, &on, sizeof on) ||
	    bind(fd, (struct sockaddr *)&addr, sizeof addr)) {
		perror("bind");
		return 1;
	}
	for (int i = 0; i < WIDTH; i++) {
		riov[i] = (struct iovec){in[i], SIZE};
		rx[i].msg_hdr = (struct msghdr){.msg_name = &peer[i], .msg_namelen = sizeof peer[i],
						.msg_iov = &riov[i], .msg_iovlen = 1,
						.msg_control = rctl[i], .msg_controllen = CONTROL};
		tiov[i].iov_base = out[i];
		tx[i].msg_hdr = (struct msghdr){.msg_name = &peer[i], .msg_namelen = sizeof peer[i],
						.msg_iov = &tiov[i], .msg_iovlen = 1};
	}
	puts("ready");
	fflush(stdout);
	for (;;) {
		int n = recvmmsg(fd, rx, WIDTH, MSG_WAITFORONE, NULL);
		for (int i = 0; i < n; i++)
			respond(i);
		for (int sent = 0; sent < n;) {
			int k = sendmmsg(fd, tx + sent, (unsigned)(n - sent), 0);
			sent += k > 0 ? k : 1; /* drop a message that cannot be sent */
		}
	}
}
