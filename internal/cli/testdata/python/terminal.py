"""Runs a command on a terminal and types lines, each when the prompt has appeared.

usage: terminal.py PROMPT LINE... -- COMMAND [ARGS...]

It prints all that the terminal showed, and ends with the command's exit code.
"""
import os
import pty
import select
import sys
import time

split = sys.argv.index('--')
prompt, lines, command = sys.argv[1], sys.argv[2:split], sys.argv[split + 1:]
pid, terminal = pty.fork()
if pid == 0:
    os.execv(command[0], ['ohce'] + command[1:])
shown = b''
deadline = time.monotonic() + 20


def more():
    global shown
    ready, _, _ = select.select([terminal], [], [], max(0, deadline - time.monotonic()))
    if not ready:
        os.kill(pid, 9)
        sys.exit(f'nothing more came after {shown!r}')
    try:
        data = os.read(terminal, 4096)
    except OSError:
        data = b''
    shown += data
    return data


for i, line in enumerate(lines):
    while shown.count(prompt.encode()) <= i:
        if not more():
            sys.exit(f'the terminal closed after {shown!r}')
    os.write(terminal, line.encode() + b'\n')
while shown.count(prompt.encode()) <= len(lines):
    if not more():
        break
os.write(terminal, b'\x04')
while more():
    pass
sys.stdout.write(shown.decode())
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
