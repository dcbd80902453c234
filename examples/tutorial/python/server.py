"""The seed's server. It answers each message with the text reversed and its case swapped.

usage: server.py HOST PORT
"""
import socket
import sys

HOST = sys.argv[1]
PORT = int(sys.argv[2])
BUFFER_SIZE = 1024

server_socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server_socket.bind((HOST, PORT))
print('Listening to {}'.format(server_socket.getsockname()), flush=True)
while True:
    data, client_address = server_socket.recvfrom(BUFFER_SIZE)
    print('Client''s address {}'.format(client_address), flush=True)
    string = data.decode()
    server_socket.sendto(string[::-1].swapcase().encode(), client_address)
