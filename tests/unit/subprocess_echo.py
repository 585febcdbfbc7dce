"""A subprocess that answers each message with itself; on "fall silent" it stops answering, on "exit" it ends."""

import contextlib
import sys
import time

from hallpulse.subprocess import parent_channel

if __name__ == "__main__":
    channel = parent_channel(str | list[bytes])
    with contextlib.suppress(EOFError, ConnectionError):
        while True:
            message = channel.receive()
            if message == "exit":
                sys.exit(3)
            if message == "fall silent":
                time.sleep(600)
            channel.send(message)
