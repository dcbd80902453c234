"""The seed's server, step by step, with plain socket calls.

usage: seed_server.py

It answers on a free port of 127.0.0.1 until it is ended.
"""
import socket

HOST = '127.0.0.1'
PORT = 0
BUFFER_SIZE = 65536

server_socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server_socket.bind((HOST, PORT))
print('Listening to {}:{}'.format(*server_socket.getsockname()), flush=True)
while True:
    data, client_address = server_socket.recvfrom(BUFFER_SIZE)
    print("Client's address {}".format(client_address), flush=True)
    text = data.decode('utf-8', 'surrogateescape')[::-1].swapcase()
    server_socket.sendto(text.encode('utf-8', 'surrogateescape'), client_address)
