/* The generator for many clients: it plays a network with any number of addresses and ports behind a
 * TUN device, and needs no socket for any of them.
 *
 * usage: many DEVICE SERVER CLIENTS PORT SIZE NUMBER SECONDS
 *
 * It floods SERVER:PORT through DEVICE from NUMBER ports, each in turn, of CLIENTS and the addresses
 * behind it. What it prints is that of load.c; answers that found no room in the device's queue are
 * counted there and belong to it. */
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

enum { HEAD = 28, MOST = 65535, FIRST = 10000, PORTS = 50000, BURST = 64 };

static int tun;
static uint32_t server, clients;
static uint16_t port;
static size_t size;
static char packet[MOST], want[MOST], got[MOST];
static uint64_t answers, checked, wrong;

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

/* request fills in the text and all of the headers (RFC 791, RFC 768) that does not change. The UDP
 * checksum is left out, as IPv4 allows. */
static void request(void) {
	packet[0] = 0x45;
	put16(packet + 2, (unsigned)(HEAD + size));
	put16(packet + 6, 0x4000);
	packet[8] = 64;
	packet[9] = 17;
	put32(packet + 16, server);
	put16(packet + 22, port);
	put16(packet + 24, (unsigned)(8 + size));
	for (size_t i = 0; i < size; i++)
		packet[HEAD + i] = (char)((i % 2 ? 'a' : 'A') + (i / 2 + i * i) % 26);
	flip(want, packet + HEAD, size);
}

/* ask sends the request of client i. A queue without room loses it, as a network may. */
static void ask(unsigned i) {
	uint32_t sum = 0;
	put32(packet + 12, clients + i / PORTS);
	put16(packet + 20, FIRST + i % PORTS);
	put16(packet + 10, 0);
	for (int at = 0; at < 20; at += 2)
		sum += get16(packet + at);
	sum = (sum >> 16) + (sum & 0xffff);
	put16(packet + 10, ~(sum + (sum >> 16)) & 0xffff);
	if (write(tun, packet, HEAD + size) < 0)
		die("write");
}

/* take reads one answer and returns the port it is for, 0 if there is none. */
static unsigned take(void) {
	ssize_t n = read(tun, got, sizeof got);
	if (n < HEAD || got[9] != 17 || get16(got + 20) != port)
		return n < 0 ? 0 : take(); /* the system's own multicasts */
	answers++;
	checked++;
	if ((size_t)n != HEAD + size || memcmp(got + HEAD, want, size))
		wrong++;
	return get16(got + 22);
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

/* last asks from one port more until it is answered, as load.c does. */
static void last(unsigned number) {
	struct pollfd p = {tun, POLLIN, 0};
	unsigned own = FIRST + number % PORTS;
	for (uint64_t limit = now() + 5000000000u; now() < limit;) {
		ask(number);
		poll(&p, 1, 1);
		for (unsigned to; (to = take());)
			if (to == own)
				return;
	}
	fputs("the server does not answer any more\n", stderr);
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
	request();
	uint64_t before = dropped(argv[1]), begin = now(), end = begin + (uint64_t)(seconds * 1e9);
	for (unsigned at = 0; now() < end; take())
		for (int i = 0; i < BURST; i++, at++)
			ask(at % number);
	last(number);
	uint64_t took = now() - begin;
	while (take())
		;
	answers += dropped(argv[1]) - before;
	printf("answers %llu seconds %.6f checked %llu wrong %llu p50 0 p99 0\n",
	       (unsigned long long)answers, (double)took / 1e9, (unsigned long long)checked,
	       (unsigned long long)wrong);
	return wrong != 0 || checked == 0;
}
