"""A trial for an image that has Python and nothing else: it writes an event file as TensorFlow does, `score` up to $X."""

import os
import struct
import time


def crc(data):
    """CRC-32C, masked as in event files."""
    rest = 0xFFFFFFFF
    for byte in data:
        rest ^= byte
        for _ in range(8):
            rest = rest >> 1 ^ 0x82F63B78 * (rest & 1)
    rest ^= 0xFFFFFFFF
    return struct.pack("<I", (rest >> 15 | rest << 17) + 0xA282EAD8 & 0xFFFFFFFF)


def record(data):
    length = struct.pack("<Q", len(data))
    return length + crc(length) + data + crc(data)


def field(number, data):
    return bytes([number << 3 | 2, len(data)]) + data


def event(step, tag, value):
    scalar = field(1, tag) + b"\x15" + struct.pack("<f", value)
    return b"\x09" + struct.pack("<d", time.time()) + bytes([0x10, step]) + field(5, field(1, scalar))


directory = "/events/train"
os.makedirs(directory, exist_ok=True)
with open(f"{directory}/events.out.tfevents.1.host", "wb") as file:
    for step, part in enumerate((0.25, 0.5, 1.0)):
        file.write(record(event(step, b"score", part * float(os.environ["X"]))))
        file.flush()
