"""
A stream over the binary frames of ETSI's gs004-app-int, with Python's standard library alone.

Both ends run here, each at the listener of its own site's agent; with `npm start` running beside it:
    python3 examples/etsi004/binary.py
"""
import json
import os
import socket
import struct

STATE = os.environ.get("QKD_STATE", ".qkd")
with open(f"{STATE}/ports.json") as ports:
    LISTENERS = json.load(ports)["etsi004Binary"]
OPEN, GET_KEY, CLOSE = 2, 4, 8
QOS = struct.pack(">7I256s", 32, 0, 0, 0, 0, 5000, 7200, b"application/json")


class Listener:
    def __init__(self, node):
        host, port = LISTENERS[node].rsplit(":", 1)
        self.stream = socket.create_connection((host, int(port)), timeout=75).makefile("rwb")

    def call(self, kind, payload):
        """@returns status and what follows it"""
        self.stream.write(struct.pack(">3sBI", b"\x01\x00\x01", kind, len(payload)) + payload)
        self.stream.flush()
        _, answered, length = struct.unpack(">3sBI", self.stream.read(8))
        assert answered == kind + 1
        body = self.stream.read(length)
        return struct.unpack(">I", body[:4])[0], body[4:]


def opening(source, destination, ksid=bytes(16)):
    """A KSID of zeros: one shall be allocated."""
    return source.encode() + b"\0" + destination.encode() + b"\0" + QOS + ksid


ours, theirs = Listener("tn-1"), Listener("tn-2")
status, stream = ours.call(OPEN, opening("qkd://sae-a", "qkd://sae-c"))
ksid = stream[-16:]
print("stream", ksid.hex(), "status", status, "then", theirs.call(OPEN, opening("qkd://sae-c", "qkd://sae-a", ksid))[0])

for index in range(3):
    chunks = []
    for end in (ours, theirs):
        status, body = end.call(GET_KEY, ksid + struct.pack(">II", index, 64))
        assert status == 0, status
        _, size = struct.unpack(">II", body[:8])
        chunks.append((body[8 : 8 + size], body[12 + size :]))
    (key, metadata), (other, _) = chunks
    print("chunk", index, len(key), "bytes", "equal" if key == other else "UNEQUAL", metadata.decode())

print("close", *(end.call(CLOSE, ksid)[0] for end in (ours, theirs)))
