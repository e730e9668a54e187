"""
Sessions at hybridization modules, or at site agents that stand in for them, with Python's standard library alone:
OPEN_CONNECT, GET_KEY and CLOSE at both ends of each request. Says whether both ends have the same key, and never a
byte of it.

With `npm start` running beside it:
    python3 examples/hybrid/driver.py examples/hybrid/requests/recommended.json
"""
import argparse
import glob
import hmac
import json
import os
import re
import socket
import sys
from concurrent.futures import ThreadPoolExecutor

HERE = os.path.dirname(os.path.abspath(__file__))
# What the demo network of `npm start` calls the nodes that have these UUIDs.
DEMO = {
    "aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa": "tn-1",
    "bbbbbbbb-bbbb-bbbb-bbbb-bbbbbbbbbbbb": "tn-2",
    "cccccccc-cccc-cccc-cccc-cccccccccccc": "tn-3",
}
# Longer than either end waits for the other where the request does not say how long.
PATIENCE_S = 60


def read_json(path):
    with open(path) as file:
        return json.load(file)


def read_request(path):
    """Its `data`, and the UUIDs of its two nodes."""
    try:
        data = read_json(path)["data"]
        uuids = [re.match(r"hybrid://[^@/?]*@([^/?]*)", data[end])[1].lower() for end in ("source", "destination")]
        return data, uuids
    except (OSError, ValueError) as error:
        sys.exit(f"{path} cannot be read: {error}")
    except (KeyError, TypeError):
        sys.exit(f"{path}: no OPEN_CONNECT with two hybrid:// addresses")


def demo_listeners():
    """Of `npm start`, by the demo network's names of nodes."""
    path = os.path.join(os.environ.get("QKD_STATE", ".qkd"), "ports.json")
    try:
        found = read_json(path).get("etsi004Json", {})
    except OSError:
        sys.exit(f"no {path}: run `npm start` in this folder, or set QKD_STATE to its --state folder; or say --configured")
    lost = [node for node in DEMO.values() if node not in found]
    if lost:
        sys.exit(f"{path} has no listener of {', '.join(lost)}: `npm start` runs with --no-agents, or is another network's")
    return found


def listeners(configured):
    """Name and address of each node, by UUID: those of its config.json, or those of `npm start`."""
    demo = {} if configured else demo_listeners()
    found = {}
    for path in glob.glob(os.path.join(HERE, "*", "config.json")):
        config = read_json(path)
        address = config["hybridization_server_address"]
        host, port = address["host"], address["port"]
        if not configured:
            host, port = demo[DEMO[config["uuid"]]].rsplit(":", 1)
        found[config["uuid"]] = os.path.basename(os.path.dirname(path)), (host, int(port))
    return found


class End:
    """One application's end of one session."""

    def __init__(self, address):
        self.address = address
        self.socket = None
        self.ksid = self.key = self.metadata = self.failure = None

    def call(self, command, data):
        self.socket.sendall(json.dumps({"command": command, "data": data}).encode())
        answer = b""
        # There is no delimiter: an answer is whole as soon as it can be read.
        while True:
            segment = self.socket.recv(65057)
            if segment == b"":
                raise ConnectionError("the connection ended without an answer")
            answer += segment
            try:
                read = json.loads(answer)
            except ValueError:
                continue
            if read["status"] != 0:
                raise RuntimeError(read.get("message", "refused"))
            return read

    def attempt(self, step):
        """What goes wrong is told once, and nothing comes after it."""
        if self.failure is None:
            try:
                step()
            except (OSError, RuntimeError) as error:
                self.failure = str(error)

    def open(self, data):
        self.socket = socket.create_connection(self.address, timeout=PATIENCE_S)
        self.ksid = self.call("OPEN_CONNECT", data)["key_stream_id"]

    def get_key(self):
        answer = self.call("GET_KEY", {"key_stream_id": self.ksid, "index": 0})
        self.key = bytes(answer["key_buffer"])
        # The original's answers have none.
        self.metadata = json.loads(answer["metadata"]["buffer"]) if "metadata" in answer else {}

    def close(self):
        if self.ksid is not None:
            self.call("CLOSE", {"key_stream_id": self.ksid})


def run(data, addresses, count, pool):
    """`count` sessions at once, in steps, so that no end closes before the other has its key. Returns pairs of ends."""
    sides = [[End(address) for _ in range(count)] for address in addresses]
    ends = [end for side in sides for end in side]
    list(pool.map(lambda end: end.attempt(lambda: end.open(data)), ends))
    list(pool.map(lambda end: end.attempt(end.get_key), ends))
    for end in ends:
        try:
            end.close()
        except (OSError, RuntimeError) as error:
            end.failure = end.failure or str(error)
        if end.socket is not None:
            end.socket.close()
    # Nobody passes a KSID: which end belongs to which shows by those that they were given.
    ours, theirs = ([end for end in side if end.ksid] for side in sides)
    pairs = [(end, other) for end in ours for other in theirs if end.ksid == other.ksid]
    met = [end for pair in pairs for end in pair]
    alone = [[end for end in side if end not in met] for side in sides]
    return pairs + list(zip(*alone))


def line(ours, theirs):
    """What became of one session: whether it went well, and in words."""
    failures = [end.failure for end in (ours, theirs) if end.failure]
    if failures or ours.ksid != theirs.ksid:
        return False, "failed: " + (" / ".join(failures) or "the two ends came to different sessions")
    is_equal = hmac.compare_digest(ours.key, theirs.key)
    told = ours.metadata
    how = ""
    if told:
        how = f"{told['method']} of {', '.join(told['sources'])}; {'' if told['confirmed'] else 'not '}confirmed"
        how += f"; without {', '.join(told['dropped'])}" if "dropped" in told else ""
    return is_equal, f"{'equal' if is_equal else 'UNEQUAL'}  {len(ours.key)} bytes  {how}"


def main():
    parser = argparse.ArgumentParser(description="Opens, reads and closes hybrid sessions at both ends, and compares.")
    parser.add_argument("request", nargs="+", help="file with an OPEN_CONNECT")
    parser.add_argument("--parallel", type=int, default=1, metavar="N", help="sessions of a request at once")
    parser.add_argument("--configured", action="store_true", help="at the addresses of */config.json, not npm start's")
    args = parser.parse_args()
    nodes = listeners(args.configured)
    is_well = True
    with ThreadPoolExecutor(max_workers=2 * args.parallel) as pool:
        for path in args.request:
            data, uuids = read_request(path)
            if not set(uuids) <= set(nodes):
                sys.exit(f"{path}: its nodes are none of {', '.join(sorted(nodes))}")
            (source, first), (destination, second) = (nodes[uuid] for uuid in uuids)
            pairs = run(data, [first, second], args.parallel, pool)
            for pair in pairs:
                is_equal, text = line(*pair)
                is_well = is_well and is_equal
                print(f"{os.path.basename(path)}  {source} - {destination}  {text}")
            keys = {end.key for end, _ in pairs if end.key}
            if args.parallel > 1:
                print(f"{len(pairs)} sessions, {len(keys)} different keys")
                is_well = is_well and len(keys) == args.parallel
    return 0 if is_well else 1


if __name__ == "__main__":
    sys.exit(main())
