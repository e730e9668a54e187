"""
A stream over JSON on bare TCP, as clients of the hybridization module speak it, with Python's standard library alone.

Both ends run here, each at the listener of its own site's agent; with `npm start` running beside it:
    python3 examples/etsi004/json-tcp.py
"""
import json
import os
import socket
from concurrent.futures import ThreadPoolExecutor

STATE = os.environ.get("QKD_STATE", ".qkd")
with open(f"{STATE}/ports.json") as ports:
    LISTENERS = json.load(ports)["etsi004Json"]
OPEN = {
    "source": "qkd://Application1@aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa",
    "destination": "qkd://Application4@bbbbbbbb-bbbb-bbbb-bbbb-bbbbbbbbbbbb",
    "qos": {
        "key_chunk_size": 32,
        "max_bps": 32,
        "min_bps": 32,
        "jitter": 0,
        "priority": 0,
        "timeout": 0,
        "ttl": 0,
        "metadata_mimetype": "application/json",
    },
}


class Module:
    def __init__(self, node):
        host, port = LISTENERS[node].rsplit(":", 1)
        self.socket = socket.create_connection((host, int(port)), timeout=75)

    def call(self, command, data):
        self.socket.sendall(json.dumps({"command": command, "data": data}).encode())
        answer = b""
        # There is no delimiter: an answer is whole as soon as it can be read.
        while True:
            segment = self.socket.recv(65057)
            if segment == b"":
                raise ConnectionError("no answer")
            answer += segment
            try:
                return json.loads(answer)
            except ValueError:
                continue


# Nobody passes a KSID: both ends name the same two applications, wait for each other, and are told the same one.
ends = [Module("tn-1"), Module("tn-2")]
with ThreadPoolExecutor() as both:
    opened = list(both.map(lambda end: end.call("OPEN_CONNECT", OPEN), ends))
ksid = opened[0]["key_stream_id"]
print("stream", ksid, "one" if opened[1]["key_stream_id"] == ksid else "ANOTHER")

for index in range(3):
    wish = {"key_stream_id": ksid, "index": index}
    ours, theirs = (end.call("GET_KEY", wish)["key_buffer"] for end in ends)
    print("chunk", index, len(ours), "bytes", "equal" if ours == theirs else "UNEQUAL")

print("close", *(end.call("CLOSE", {"key_stream_id": ksid})["status"] for end in ends))
