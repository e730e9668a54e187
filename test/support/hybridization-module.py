"""Stands in for hybridization modules, towards other modules: their peer protocol over mutual TLS, both roles.

    python3 hybridization-module.py '["node", "kem-by-lines.ts"]'

takes the command that computes KEMs. Commands come on stdin, a JSON object a line, and are answered on stdout under the
same `id`, in any order. All but the first name the module that they are for, by the `id` that it was started under:

    {"id": 1, "do": "start", "cert": ..., "key": ..., "ca": ..., "host": "127.0.0.1", "lengths": {...}}
    {"id": 2, "do": "stop", "module": 1}
    {"id": 3, "do": "open", "role": "client", "host": ..., "port": ..., "source": ..., "destination": ..., "kems": [...],
     "method": "xoring", "chunk": 32, "qkd": {"host": ..., "port": ...}, "seed": null}
    {"id": 4, "do": "get_key", "session": 3}
    {"id": 5, "do": "close", "session": 3}
    {"id": 6, "do": "blink", "host": ..., "port": ...}

`method` and `chunk` make it combine what it gets, as the original does: whatever fails is left out, and nobody is told.
`qkd` is its QKD node, by the JSON protocol; `seed` is mixed in where one source is left; either may be null.
"""

import base64
import hashlib
import hmac
import json
import socket
import ssl
import subprocess
import sys
import threading
import uuid

PATIENCE_S = 10
BLINK, SHARE_KSID, PQC = 0, 1, 2


class Kems:
    """One request at a time over the pipe, to a process that is started for the first of them."""

    def __init__(self, command):
        self.command = command
        self.child = None
        self.lock = threading.Lock()

    def ask(self, what, kem, **members):
        asked = {"do": what, "kem": kem, **{name: base64.b64encode(value).decode() for name, value in members.items()}}
        with self.lock:
            if self.child is None:
                self.child = subprocess.Popen(self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            self.child.stdin.write(json.dumps(asked).encode() + b"\n")
            self.child.stdin.flush()
            answered = json.loads(self.child.stdout.readline())
        if "error" in answered:
            raise RuntimeError(answered["error"])
        return {name: base64.b64decode(value) for name, value in answered.items()}


    def end(self):
        if self.child is not None:
            self.child.terminate()


class Module:
    def __init__(self, kems, settings):
        self.kems = kems
        self.lengths = settings["lengths"]
        self.server_context = self.context(ssl.Purpose.CLIENT_AUTH, settings)
        self.client_context = self.context(ssl.Purpose.SERVER_AUTH, settings)
        self.unclaimed = {}
        self.came = threading.Condition()
        self.sessions = {}
        self.listener = socket.socket()
        self.listener.bind((settings["host"], 0))
        self.listener.listen()
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.listen, daemon=True).start()

    @staticmethod
    def context(purpose, settings):
        context = ssl.create_default_context(purpose)
        context.load_cert_chain(settings["cert"], settings["key"])
        context.load_verify_locations(settings["ca"])
        context.verify_mode = ssl.CERT_REQUIRED
        return context

    def listen(self):
        while True:
            try:
                plain, _ = self.listener.accept()
            except OSError:
                return
            try:
                secure = self.server_context.wrap_socket(plain, server_side=True)
            except (ssl.SSLError, OSError):
                continue
            threading.Thread(target=self.arrived, args=(secure,), daemon=True).start()

    def arrived(self, secure):
        # The first segment is the whole object.
        told = json.loads(secure.recv(1024))
        if told["session_type"] == BLINK:
            return
        with self.came:
            self.unclaimed[(told["session_type"], told["id"])] = secure
            self.came.notify_all()

    def connect(self, asked, session_type, name):
        if asked["role"] == "client":
            plain = socket.create_connection((asked["host"], asked["port"]))
            secure = self.client_context.wrap_socket(plain, server_hostname=asked["host"])
            secure.settimeout(PATIENCE_S)
            secure.sendall(json.dumps({"session_type": session_type, "id": name}).encode())
            # Whatever is answered, or that nothing is, passes for "ok".
            secure.recv(256)
            return secure
        with self.came:
            self.came.wait_for(lambda: (session_type, name) in self.unclaimed, timeout=PATIENCE_S)
            secure = self.unclaimed.pop((session_type, name))
        secure.settimeout(PATIENCE_S)
        secure.sendall(b"ok")
        return secure

    def open(self, asked):
        name = hashlib.sha256((asked["source"] + asked["destination"]).encode()).hexdigest()
        with self.connect(asked, SHARE_KSID, name) as secure:
            if asked["role"] == "client":
                ksid = uuid.uuid4()
                secure.sendall(ksid.bytes)
            else:
                ksid = uuid.UUID(bytes=secure.recv(16))
        appearances = {}
        names = []
        for kem in asked["kems"]:
            number = appearances.get(kem, 0)
            appearances[kem] = number + 1
            names.append((kem, f"{kem}-{number}-{ksid}"))
        opens = [lambda kem=kem, name=name: (kem, self.connect(asked, PQC, name)) for kem, name in names]
        *links, qkd = at_once([*opens, lambda: QkdSource(asked) if asked.get("qkd") else None])
        # What cannot be opened is left out.
        links = [link for link in links if not isinstance(link, Exception)]
        self.sessions[asked["id"]] = (asked, links, None if isinstance(qkd, Exception) else qkd)
        return {"ksid": str(ksid)}

    def get_key(self, asked):
        opened, links, qkd = self.sessions[asked["session"]]
        exchange = self.as_client if opened["role"] == "client" else self.as_server
        gets = [lambda link=link: exchange(*link) for link in links]
        outcomes = at_once(gets if qkd is None else [*gets, qkd.get_key])
        keys = [outcome for outcome in outcomes if isinstance(outcome, bytes)]
        told = [each.hex() if isinstance(each, bytes) else f"{type(each).__name__}: {each}" for each in outcomes]
        combined = combine(keys, opened) if opened.get("method") and keys else b""
        return {"secrets": told[: len(links)], "key": combined.hex(), "mixed": len(keys)}

    def as_client(self, kem, secure):
        pair = self.kems.ask("generate", kem)
        secure.sendall(pair["publicKey"])
        ciphertext = receive(secure, self.lengths[kem]["ciphertext"])
        return self.kems.ask("decapsulate", kem, ciphertext=ciphertext, secretKey=pair["secretKey"])["sharedSecret"]

    def as_server(self, kem, secure):
        public_key = receive(secure, self.lengths[kem]["publicKey"])
        made = self.kems.ask("encapsulate", kem, publicKey=public_key)
        secure.sendall(made["ciphertext"])
        return made["sharedSecret"]

    def close(self, asked):
        _, links, qkd = self.sessions.pop(asked["session"])
        for _, secure in links:
            secure.close()
        if qkd is not None:
            qkd.close()
        return {}

    def stop(self, _):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        links = [secure for _, opened, _ in self.sessions.values() for _, secure in opened]
        for secure in [*links, *self.unclaimed.values()]:
            secure.close()
        return {}

    def blink(self, asked):
        with self.connect({**asked, "role": "client"}, BLINK, "blink"):
            return {}


class QkdSource:
    """A connection for each command; the answer is whatever comes in the first segments that make up JSON."""

    def __init__(self, asked):
        self.place = (asked["qkd"]["host"], asked["qkd"]["port"])
        uuid_of = lambda uri: uri.split("@")[1].split("?")[0]
        zeros = {"max_bps": 0, "min_bps": 0, "jitter": 0, "priority": 0, "timeout": 0, "ttl": 0}
        self.ksid = self.ask(
            "OPEN_CONNECT",
            source=f"qkd://Application1@{uuid_of(asked['source'])}",
            destination=f"qkd://Application4@{uuid_of(asked['destination'])}",
            qos={**zeros, "key_chunk_size": asked["chunk"], "metadata_mimetype": "application/json"},
        )["key_stream_id"]

    def ask(self, command, **data):
        with socket.create_connection(self.place, timeout=2 * PATIENCE_S) as plain:
            plain.sendall(json.dumps({"command": command, "data": data}).encode())
            plain.shutdown(socket.SHUT_WR)
            answered = json.loads(b"".join(iter(lambda: plain.recv(65057), b"")))
        if answered["status"] != 0:
            raise RuntimeError(answered["message"])
        return answered

    def get_key(self):
        return bytes(self.ask("GET_KEY", key_stream_id=self.ksid, index=0)["key_buffer"])

    def close(self):
        self.ask("CLOSE", key_stream_id=self.ksid)


def at_once(works):
    """What each returns or raises, in order."""
    outcomes = [None] * len(works)

    def run(at):
        try:
            outcomes[at] = works[at]()
        except Exception as problem:
            outcomes[at] = problem

    threads = [threading.Thread(target=run, args=(at,)) for at in range(len(works))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes


def combine(keys, opened):
    chunk = opened["chunk"]
    if len(keys) == 1:
        if opened.get("seed") is None:
            return keys[0][:chunk]
        keys = [*keys, key_of_seed(opened["seed"], len(keys[0]))]
    return METHODS[opened["method"]](sorted(keys), chunk)[:chunk]


def key_of_seed(seed, length):
    key = hashlib.sha256(seed.encode()).digest()
    while len(key) < length:
        key += hashlib.sha256(key).digest()
    return key[:length]


def xoring(keys, chunk):
    mixed = bytes(chunk)
    for key in keys:
        mixed = bytes(one ^ other for one, other in zip(mixed, key[:chunk].ljust(chunk, b"\0")))
    return mixed


def hmac_of_first(keys, _chunk):
    return hmac.new(keys[0], b"".join(keys[1:]), hashlib.sha256).digest()


def xorhmac(keys, chunk):
    return xoring([hmac_of_first(keys, chunk), hmac_of_first(keys[::-1], chunk)], chunk)


METHODS = {"xoring": xoring, "hmac": hmac_of_first, "xorhmac": xorhmac}


def receive(secure, length):
    """The original does not look for the end of a connection: it would read nothing for ever."""
    received = b""
    while len(received) < length:
        part = secure.recv(length - len(received))
        if not part:
            raise RuntimeError("would read nothing for ever")
        received += part
    return received


def main():
    kems = Kems(json.loads(sys.argv[1]))
    modules = {}
    written = threading.Lock()

    def answer(answered):
        with written:
            print(json.dumps(answered), flush=True)

    def work(asked):
        if asked["do"] == "start":
            modules[asked["id"]] = Module(kems, asked)
            return {"port": modules[asked["id"]].port}
        return getattr(modules[asked["module"]], asked["do"])(asked)

    def serve(asked):
        try:
            answer({"id": asked["id"], **work(asked)})
        except Exception as problem:
            answer({"id": asked["id"], "error": f"{type(problem).__name__}: {problem}"})

    for line in sys.stdin:
        threading.Thread(target=serve, args=(json.loads(line),), daemon=True).start()
    kems.end()


main()
