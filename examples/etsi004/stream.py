"""
A key stream between two applications over /api/v1/streams, with Python's standard library alone.

Both ends run here, one after the other, as two programs at two places would; with `npm start` running beside it:
    python3 examples/etsi004/stream.py
"""
import base64
import json
import os
import urllib.request

STATE = os.environ.get("QKD_STATE", ".qkd")
with open(f"{STATE}/ports.json") as ports, open(f"{STATE}/tokens.json") as tokens:
    EDGE = json.load(ports)["edge"]
    TOKENS = json.load(tokens)


def call(sae, path, body):
    """A refusal (HTTP 4xx, 5xx) raises urllib.error.HTTPError; its body has `status` and `message`."""
    headers = {"Authorization": f"Bearer {TOKENS[sae]}", "Content-Type": "application/json"}
    request = urllib.request.Request(f"{EDGE}/api/v1/streams{path}", json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=75) as answer:
        return json.load(answer)


# OPEN_CONNECT: sae-a has a stream allocated, and tells sae-c its ID by whatever way the two talk. It is no secret.
opened = call("sae-a", "", {"destination": "sae-c", "QOS": {"Key_chunk_size": 32, "Timeout": 5000}})
ksid = opened["key_stream_ID"]
joined = call("sae-c", "", {"destination": "sae-a", "key_stream_ID": ksid})
print("stream", ksid, "status", opened["status"], "then", joined["status"])

# GET_KEY: the same index, the same bytes, once for each end.
for index in range(3):
    given = [call(sae, f"/{ksid}/get_key", {"index": index, "Metadata_size": 64}) for sae in ("sae-a", "sae-c")]
    ours, theirs = (base64.b64decode(chunk["Key_buffer"]) for chunk in given)
    print("chunk", index, len(ours), "bytes", "equal" if ours == theirs else "UNEQUAL", given[0]["Metadata"])

# CLOSE, each for itself.
for sae in ("sae-a", "sae-c"):
    call(sae, f"/{ksid}/close", {})
