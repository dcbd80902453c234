/* The load generator for many clients. It simulates a network with any number of addresses and ports
 * behind a TUN device, without a socket for each.
 *
 * usage: many DEVICE SERVER CLIENTS PORT SIZE NUMBER SECONDS
 *
 * It floods SERVER:PORT through DEVICE from NUMBER ports in turn, which belong to CLIENTS and the
 * addresses after it. The output is that of load.c. Responses that the kernel dropped because the
 * device's queue was full are counted as responses. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "flip.h"

enum { HEADERS = 28, MAX_PACKET = 65535, FIRST = 10000, PORTS = 50000, BURST = 64 };

static int tun;
static uint32_t server, clients;
static uint16_t port;
static size_t size;
static char packet[MAX_PACKET], expected[MAX_PACKET], received[MAX_PACKET];
static uint64_t responses, checked, wrong;

static uint64_t now(void) {
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void die(const char *what) {
	perror(what);
	exit(1);
}

static void put16(char *at, unsigned v) {
	at[0] = (char)(v >> 8);
	at[1] = (char)v;
}

static void put32(char *at, uint32_t v) {
	put16(at, v >> 16);
	put16(at + 2, v & 0xffff);
}

static unsigned get16(const char *at) {
	return (unsigned)(unsigned char)at[0] << 8 | (unsigned char)at[1];
}

/* build_request sets the text and the constant parts of the headers (RFC 791, RFC 768). The UDP
 * checksum is 0, which means that there is none. */
static void build_request(void) {
	packet[0] = 0x45;
	put16(packet + 2, (unsigned)(HEADERS + size));
	put16(packet + 6, 0x4000);
	packet[8] = 64;
	packet[9] = 17;
	put32(packet + 16, server);
	put16(packet + 22, port);
	put16(packet + 24, (unsigned)(8 + size));
	for (size_t i = 0; i < size; i++)
		packet[HEADERS + i] = (char)((i % 2 ? 'a' : 'A') + (i / 2 + i * i) % 26);
	flip(expected, packet + HEADERS, size);
}

/* send_request sends the request of client i. If the server's queue is full, the kernel drops it. */
static void send_request(unsigned i) {
	uint32_t sum = 0;
	put32(packet + 12, clients + i / PORTS);
	put16(packet + 20, FIRST + i % PORTS);
	put16(packet + 10, 0);
	for (int at = 0; at < 20; at += 2)
		sum += get16(packet + at);
	sum = (sum >> 16) + (sum & 0xffff);
	put16(packet + 10, ~(sum + (sum >> 16)) & 0xffff);
	if (write(tun, packet, HEADERS + size) < 0)
		die("write");
}

/* receive reads one response and returns its destination port, or 0 if there is no response. */
static unsigned receive(void) {
	ssize_t n = read(tun, received, sizeof received);
	if (n < HEADERS || received[9] != 17 || get16(received + 20) != port)
		return n < 0 ? 0 : receive(); /* skip multicasts of the system */
	responses++;
	checked++;
	if ((size_t)n != HEADERS + size || memcmp(received + HEADERS, expected, size))
		wrong++;
	return get16(received + 22);
}

static uint64_t dropped(const char *device) {
	char path[128];
	unsigned long long n = 0;
	snprintf(path, sizeof path, "/sys/class/net/%s/statistics/tx_dropped", device);
	FILE *f = fopen(path, "r");
	if (!f || fscanf(f, "%llu", &n) != 1)
		die(path);
	fclose(f);
	return n;
}

/* await_last repeats a request from one more port until its response arrives, as in load.c. */
static void await_last(unsigned number) {
	struct pollfd p = {tun, POLLIN, 0};
	unsigned own_port = FIRST + number % PORTS;
	for (uint64_t limit = now() + 5000000000u; now() < limit;) {
		send_request(number);
		poll(&p, 1, 1);
		for (unsigned to; (to = receive());)
			if (to == own_port)
				return;
	}
	fputs("the server has stopped responding\n", stderr);
	exit(1);
}

int main(int argc, char **argv) {
	struct ifreq r = {.ifr_flags = IFF_TUN | IFF_NO_PI};
	if (argc < 8)
		return 2;
	strncpy(r.ifr_name, argv[1], IFNAMSIZ - 1);
	server = ntohl(inet_addr(argv[2]));
	clients = ntohl(inet_addr(argv[3]));
	port = (uint16_t)atoi(argv[4]);
	size = (size_t)atoi(argv[5]);
	unsigned number = (unsigned)atoi(argv[6]);
	double seconds = atof(argv[7]);
	tun = open("/dev/net/tun", O_RDWR | O_NONBLOCK);
	if (tun < 0 || ioctl(tun, TUNSETIFF, &r))
		die("/dev/net/tun");
	build_request();
	uint64_t before = dropped(argv[1]), begin = now(), end = begin + (uint64_t)(seconds * 1e9);
	for (unsigned at = 0; now() < end; receive())
		for (int i = 0; i < BURST; i++, at++)
			send_request(at % number);
	await_last(number);
	uint64_t took = now() - begin;
	while (receive())
		;
	responses += dropped(argv[1]) - before;
	printf("responses %llu seconds %.6f checked %llu wrong %llu p50 0 p99 0\n",
	       (unsigned long long)responses, (double)took / 1e9, (unsigned long long)checked,
	       (unsigned long long)wrong);
	return wrong != 0 || checked == 0;
}
