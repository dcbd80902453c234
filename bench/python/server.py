"""The seed's server, step by step, with plain socket calls.

usage: server.py PORT

It answers on 127.0.0.1:PORT until it is ended, and prints nothing for a request.
"""
import socket
import sys

HOST = '127.0.0.1'
PORT = int(sys.argv[1])
BUFFER_SIZE = 65536

server_socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server_socket.bind((HOST, PORT))
print('Listening to {}:{}'.format(*server_socket.getsockname()), flush=True)
while True:
    data, client_address = server_socket.recvfrom(BUFFER_SIZE)
    text = data.decode('utf-8', 'surrogateescape')[::-1].swapcase()
    server_socket.sendto(text.encode('utf-8', 'surrogateescape'), client_address)
