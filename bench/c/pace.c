/* An open-loop load generator without batches: one thread on one core.
 *
 * usage: pace PORT SIZE RATE SECONDS
 *
 * It sends RATE requests a second to 127.0.0.1:PORT, each at its due time, with one call of send. In
 * between, it polls for responses, with one call of recv for each. A request is a number of 10 digits
 * and letters, SIZE bytes in all (at least 11); the response is the text reversed with its case
 * swapped. Behind schedule, pace sends as fast as it can. It stops sending one second after the end
 * of the schedule, and waits for responses for at most one second.
 *
 * Output, on one line:
 *
 *   asked     number of requests that were due
 *   sent      number of requests sent
 *   on_time   number of those that were sent at most 1 ms after their due time
 *   by_end    number of those that were sent before the end of the schedule
 *   answered  number of those whose response arrived
 *   wrong     number of other datagrams that arrived, duplicates included; if not 0, the exit status
 *             is 1 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "flip.h"

enum { DIGITS = 10, MAX_SIZE = 65507, BUFFER = 4 << 20, TOLERANCE = 1000000, GRACE = 1000000000 };

static char request[MAX_SIZE], expected[MAX_SIZE], buf[65536];
static size_t size;
static unsigned char *in_flight; /* whether each request has been sent and not yet been answered */
static uint64_t asked, sent, on_time, by_end, answered, wrong;

static uint64_t now(void) {
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static int open_socket(int port) {
	struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
				   .sin_port = htons((unsigned short)port)};
	int buffer = BUFFER, fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&addr, sizeof addr)) {
		perror("connect");
		exit(1);
	}
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof buffer))
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof buffer);
	return fd;
}

/* send_request sends request number n, which was due at the given time. The schedule ends at end. */
static void send_request(int fd, uint64_t n, uint64_t due, uint64_t end) {
	uint64_t digits = n;
	for (int i = DIGITS - 1; i >= 0; i--, digits /= 10)
		request[i] = (char)('0' + digits % 10);
	uint64_t t = now();
	if (send(fd, request, size, MSG_DONTWAIT) < 0)
		return;
	in_flight[n] = 1;
	sent++;
	on_time += t <= due + TOLERANCE;
	by_end += t <= end;
}

/* receive reads at most one datagram. It returns whether one arrived. */
static int receive(int fd) {
	ssize_t n = recv(fd, buf, sizeof buf, MSG_DONTWAIT);
	if (n < 0)
		return 0;
	uint64_t number = 0;
	int right = (size_t)n == size && !memcmp(buf, expected, size - DIGITS);
	for (int i = 0; right && i < DIGITS; i++) { /* the digits are reversed */
		unsigned digit = (unsigned char)buf[size - 1 - (size_t)i] - '0';
		right = digit <= 9;
		number = number * 10 + digit;
	}
	if (right && number < asked && in_flight[number]) {
		in_flight[number] = 0;
		answered++;
	} else {
		wrong++;
	}
	return 1;
}

int main(int argc, char **argv) {
	if (argc != 5)
		return 2;
	size = (size_t)atoi(argv[2]);
	double rate = atof(argv[3]), seconds = atof(argv[4]);
	asked = (uint64_t)(rate * seconds);
	if (size <= DIGITS || size > MAX_SIZE || !(rate > 0) || asked > 1000000000u)
		return 2;
	in_flight = calloc(asked + 1, 1);
	for (size_t i = DIGITS; i < size; i++)
		request[i] = (char)((i % 2 ? 'a' : 'A') + i % 26);
	flip(expected, request, size);
	int fd = open_socket(atoi(argv[1]));
	uint64_t begin = now(), end = begin + (uint64_t)(seconds * 1e9);
	for (uint64_t n = 0; n < asked;) {
		uint64_t t = now(), due = begin + (uint64_t)((double)n * 1e9 / rate);
		if (t > end + GRACE)
			break;
		if (t >= due)
			send_request(fd, n++, due, end);
		receive(fd);
	}
	for (uint64_t last = now() + GRACE; answered < sent && now() < last;)
		receive(fd);
	printf("asked %llu sent %llu on_time %llu by_end %llu answered %llu wrong %llu\n",
	       (unsigned long long)asked, (unsigned long long)sent, (unsigned long long)on_time,
	       (unsigned long long)by_end, (unsigned long long)answered, (unsigned long long)wrong);
	return wrong != 0;
}
