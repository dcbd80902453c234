"""Lines, one after the other: the seed's client in a loop, on one socket, which is quicker than one for
each line. It tells on standard error how long it took, without the time that Python takes to start.

usage: stop_and_wait.py HOST PORT < lines
"""
import socket
import sys
import time

server = (sys.argv[1], int(sys.argv[2]))
lines = sys.stdin.buffer.read().splitlines()
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
down = 0


def ask(data):
    delay = 0.1
    while True:
        sock.sendto(data, server)
        sock.settimeout(delay)
        try:
            return sock.recvfrom(65535)[0]
        except socket.timeout:
            delay += 0.1
            if delay > 0.55:
                return None


begun = time.monotonic()
for line in lines:
    answer = ask(line)
    if answer is None:
        down += 1
print(f"{len(lines)} lines in {time.monotonic() - begun:.6f} s, {down} down", file=sys.stderr)
