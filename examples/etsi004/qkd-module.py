"""
A stream over the actions of qkd-module 1.0, as its clients call them, with Python's standard library alone.

Both ends run here, each at the listener of its own site's agent; with `npm start` running beside it:
    python3 examples/etsi004/qkd-module.py
"""
import base64
import json
import os
import urllib.request

STATE = os.environ.get("QKD_STATE", ".qkd")
with open(f"{STATE}/ports.json") as ports:
    MODULES = json.load(ports)["qkdModule"]
SOURCE = "qkd://Application1@aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa"
DESTINATION = "qkd://Application4@bbbbbbbb-bbbb-bbbb-bbbb-bbbbbbbbbbbb"


def call(node, action, body=None):
    """A status other than 0 comes with HTTP 503, and raises urllib.error.HTTPError."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{MODULES[node]}/api/v1/qkdm/actions/{action}", data)
    with urllib.request.urlopen(request, timeout=75) as answer:
        return json.load(answer)


# Whoever comes first is answered at once; the stream is there when both have come.
wish = {"source": SOURCE, "destination": DESTINATION, "qos_parameters": {"key_chunk_size": 32}}
ksid = call("tn-1", "open_connect", wish)["key_stream_ID"]
call("tn-2", "open_connect", {**wish, "key_stream_ID": ksid})
print("stream", ksid)

# One end asks which keys there are, and tells the other their indexes. All of a list are given, or none.
indexes = call("tn-1", f"get_id/{ksid}?count=3")["available_indexes"]
given = [call(node, "get_key", {"key_stream_ID": ksid, "indexes": indexes})["keys"] for node in ("tn-1", "tn-2")]
for index, ours, theirs in zip(indexes, *given):
    print("key", index, len(base64.b64decode(ours)), "bytes", "equal" if ours == theirs else "UNEQUAL")

for node in ("tn-1", "tn-2"):
    call(node, "close", {"key_stream_ID": ksid})
