"""
A stream over the calls of qkd-module 0.9, whose bodies are Python literals, with Python's standard library alone.

Both ends run here, each at the listener of its own site's agent; with `npm start` running beside it:
    python3 examples/etsi004/qkd-module-0.9.py
"""
import ast
import json
import os
import threading
import urllib.request
import uuid

STATE = os.environ.get("QKD_STATE", ".qkd")
with open(f"{STATE}/ports.json") as ports:
    MODULES = json.load(ports)["qkdModule"]
KSID = str(uuid.uuid4())  # known to both ends by other means
QOS = {"timeout": 5000, "length": 128}  # milliseconds, bits


def call(node, name, body):
    """Refusals come with HTTP 400, and raise urllib.error.HTTPError. What comes is read, never evaluated."""
    request = urllib.request.Request(f"{MODULES[node]}/{name}", repr(body).encode())
    with urllib.request.urlopen(request, timeout=75) as answer:
        return ast.literal_eval(answer.read().decode())


# Whoever comes first waits for the other, up to the timeout.
other = threading.Thread(target=call, args=("tn-2", "open_connect", ["sae-a", "sae-c", QOS, KSID]))
other.start()
print("open_connect", call("tn-1", "open_connect", ["sae-a", "sae-c", QOS, KSID]))
other.join()

# -1: the first key that this end has not had.
for _ in range(3):
    ours, index, status = call("tn-1", "get_key", [KSID, -1, None])
    theirs, _, _ = call("tn-2", "get_key", [KSID, index, None])
    print("key", index, 8 * len(ours), "bits", "equal" if ours == theirs else "UNEQUAL", "status", status)

print("close", *(call(node, "close", [KSID]) for node in ("tn-1", "tn-2")))
