"""The seed's server, step by step, with plain socket calls.

usage: server.py ADDR PORT [quiet]

It serves ADDR:PORT until it is killed. Like the seed's server, it prints the address of the client for
each request, unless the third argument is "quiet".
"""
import socket
import sys

HOST = sys.argv[1]
PORT = int(sys.argv[2])
BUFFER_SIZE = 65536

quiet = 'quiet' in sys.argv[3:]
server_socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server_socket.bind((HOST, PORT))
print('Listening to {}:{}'.format(*server_socket.getsockname()), file=sys.stderr, flush=True)
while True:
    data, client_address = server_socket.recvfrom(BUFFER_SIZE)
    if not quiet:
        print('Client\'s address {}'.format(client_address))
    text = data.decode('utf-8', 'surrogateescape')[::-1].swapcase()
    server_socket.sendto(text.encode('utf-8', 'surrogateescape'), client_address)
