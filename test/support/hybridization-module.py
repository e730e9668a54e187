"""Stands in for a hybridization module, towards other modules: its peer protocol over mutual TLS, both roles.

    python3 hybridization-module.py '{"cert": ..., "key": ..., "ca": ..., "host": "127.0.0.1", "node": [...]}'

`node` is the command that computes KEMs (kem-by-lines.ts). Commands come on stdin, a JSON object a line, and are
answered on stdout under the same `id`, in any order:

    {"id": 1, "do": "open", "role": "client", "host": ..., "port": ..., "source": ..., "destination": ..., "kems": [...]}
    {"id": 2, "do": "get_key", "session": 1}
    {"id": 3, "do": "close", "session": 1}
    {"id": 4, "do": "blink", "host": ..., "port": ...}
"""

import base64
import hashlib
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
    """One request at a time over the pipe."""

    def __init__(self, command):
        self.child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.lock = threading.Lock()

    def ask(self, what, kem, **members):
        asked = {"do": what, "kem": kem, **{name: base64.b64encode(value).decode() for name, value in members.items()}}
        with self.lock:
            self.child.stdin.write(json.dumps(asked).encode() + b"\n")
            self.child.stdin.flush()
            answered = json.loads(self.child.stdout.readline())
        if "error" in answered:
            raise RuntimeError(answered["error"])
        return {name: base64.b64decode(value) for name, value in answered.items()}


class Module:
    def __init__(self, settings):
        self.kems = Kems(settings["node"])
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
            plain, _ = self.listener.accept()
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
        links = []
        for kem in asked["kems"]:
            number = appearances.get(kem, 0)
            appearances[kem] = number + 1
            links.append((kem, self.connect(asked, PQC, f"{kem}-{number}-{ksid}")))
        self.sessions[asked["id"]] = (asked["role"], links)
        return {"ksid": str(ksid)}

    def get_key(self, asked):
        role, links = self.sessions[asked["session"]]
        outcomes = [None] * len(links)

        def run(at, kem, secure):
            try:
                exchange = self.as_client if role == "client" else self.as_server
                outcomes[at] = exchange(kem, secure).hex()
            except Exception as problem:
                outcomes[at] = f"{type(problem).__name__}: {problem}"

        threads = [threading.Thread(target=run, args=(at, *link)) for at, link in enumerate(links)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return {"secrets": outcomes}

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
        _, links = self.sessions.pop(asked["session"])
        for _, secure in links:
            secure.close()
        return {}

    def blink(self, asked):
        with self.connect({**asked, "role": "client"}, BLINK, "blink"):
            return {}


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
    module = Module(json.loads(sys.argv[1]))
    written = threading.Lock()

    def answer(answered):
        with written:
            print(json.dumps(answered), flush=True)

    def serve(asked):
        try:
            answer({"id": asked["id"], **getattr(module, asked["do"])(asked)})
        except Exception as problem:
            answer({"id": asked["id"], "error": f"{type(problem).__name__}: {problem}"})

    answer({"id": 0, "port": module.port})
    for line in sys.stdin:
        threading.Thread(target=serve, args=(json.loads(line),), daemon=True).start()
    module.kems.child.terminate()


main()
