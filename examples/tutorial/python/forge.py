"""Sends one datagram with a forged source address. It needs Linux and root.

usage: forge.py HOST SOURCE_PORT PORT MESSAGE
"""
import socket
import struct
import sys

HOST = sys.argv[1]
SOURCE_PORT, PORT = int(sys.argv[2]), int(sys.argv[3])
data = sys.argv[4].encode()

# The four fields of a UDP header: both ports, the length, and 0 for "no checksum".
header = struct.pack('!HHHH', SOURCE_PORT, PORT, 8 + len(data), 0)
raw_socket = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP)
raw_socket.sendto(header + data, (HOST, 0))
