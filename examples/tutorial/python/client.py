"""The seed's client. It sends each MESSAGE and prints the response.

usage: client.py HOST PORT MESSAGE...
"""
import socket
import sys

HOST = sys.argv[1]
PORT = int(sys.argv[2])
BUFFER_SIZE = 1024

client_socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)


def ask(message):
    delay = 0.1
    while True:
        client_socket.sendto(message.encode(), (HOST, PORT))
        client_socket.settimeout(delay)
        try:
            data, server_address = client_socket.recvfrom(BUFFER_SIZE)
        except socket.timeout as exc:
            delay += 0.1
            if delay > 0.5:
                raise RuntimeError('SERVER IS DOWN !') from exc
        else:
            return data.decode()


for message in sys.argv[3:]:
    print(message, '->', ask(message))
client_socket.close()
