"""The seed's client, step by step, with plain socket calls.

usage: seed_client.py HOST PORT COUNT

It sends COUNT texts to a server, one after the other on one socket, and compares each answer with
what this Python makes of the text. It prints "COUNT answered", or what was wrong.
"""
import random
import socket
import sys

HOST, PORT, COUNT = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
BUFFER_SIZE = 65536

# Letters whose case is the same in every version of Unicode that a Python 3 of today has.
RANGES = [(0x00, 0x24F), (0x300, 0x36F), (0x370, 0x3FF), (0x400, 0x4FF), (0x531, 0x556),
          (0x561, 0x587), (0x5D0, 0x5EA), (0x620, 0x64A), (0x1E00, 0x1FFF), (0x2160, 0x217F),
          (0x4E00, 0x4EFF), (0xFB00, 0xFB06), (0x10400, 0x1044F), (0x1F600, 0x1F64F)]
RAW = [b"\xff", b"\x80", b"\xc3", b"\xe2\x82", b"\xed\xa0\x80", b"\xc0\xaf", b"\xf0\x9f\x98"]


def texts(count):
    """Words of several scripts, sigmas in every place, and bytes that are not UTF-8."""
    rnd = random.Random(3000)
    fixed = ["Hello", "", "ΣΟΦΟΣ", "ΑΣ ΣΑ Σ", "Σ'ΑΣ.", "straße", "İstanbul", "ﬁn", "ǅ", "ᾳ"]
    for text in fixed:
        yield text.encode()
    for _ in range(count - len(fixed)):
        parts = []
        for _ in range(rnd.randrange(60)):
            kind = rnd.random()
            if kind < 0.05:
                parts.append(rnd.choice(RAW))
            elif kind < 0.15:
                parts.append(rnd.choice("Σσς'. ").encode())
            else:
                parts.append(chr(rnd.randint(*rnd.choice(RANGES))).encode())
        yield b"".join(parts)


def answer(client_socket, data):
    delay = 0.1
    while True:
        client_socket.sendto(data, (HOST, PORT))
        client_socket.settimeout(delay)
        try:
            data, _ = client_socket.recvfrom(BUFFER_SIZE)
        except socket.timeout as exc:
            delay += 0.1
            if delay > 0.5:
                raise RuntimeError('SERVER IS DOWN !') from exc
        else:
            return data


client_socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for data in texts(COUNT):
    text = data.decode("utf-8", "surrogateescape")
    want = text[::-1].swapcase().encode("utf-8", "surrogateescape")
    got = answer(client_socket, data)
    if got != want:
        sys.exit(f"{data!r}: got {got!r}, want {want!r}")
client_socket.close()
print(f"{COUNT} answered")
