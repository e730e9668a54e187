"""
Keys by ETSI GS QKD 014 with Python's standard library alone (3.8 or later).

`Kme` is one SAE's way to its key management entity: with a client certificate, or with a bearer token. Below it two SAEs
share keys, one of each kind; with `npm start` running beside it:
    python3 examples/python/etsi014.py
"""
import base64
import json
import os
import random
import ssl
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

ATTEMPTS = 5
LONGEST_WAIT_S = 30
ANSWER_BYTES = 4 * 1024 * 1024


class Refused(Exception):
    """The key management entity says no. `retry_after_s` is how long to wait, of 429 and 503; None where it does not say."""

    def __init__(self, status, message, retry_after_s):
        super().__init__(f"{message} (HTTP {status})")
        self.status, self.retry_after_s = status, retry_after_s


class NoRedirect(urllib.request.HTTPRedirectHandler):
    """A key management entity has no reason to send its clients, with their tokens, elsewhere."""

    def redirect_request(self, *_):
        return None


class Kme:
    def __init__(self, url, token=None, ca=None, certificate=None, key=None):
        """With a certificate and its key (PEM files), or with a token; `ca` where the system's own do not vouch for the KME."""
        handlers = [urllib.request.ProxyHandler({}), NoRedirect()]
        if url.startswith("https://"):
            context = ssl.create_default_context(cafile=ca)
            context.minimum_version = ssl.TLSVersion.TLSv1_2
            if certificate is not None:
                context.load_cert_chain(certificate, key)
            handlers.append(urllib.request.HTTPSHandler(context=context))
        elif urllib.parse.urlsplit(url).hostname not in ("127.0.0.1", "localhost", "::1"):
            raise ValueError(f"{url} would carry keys in clear text")
        self.url = url.rstrip("/")
        self.headers = {"Accept": "application/json", **({"Authorization": f"Bearer {token.strip()}"} if token else {})}
        self.opener = urllib.request.build_opener(*handlers)

    def status(self, slave):
        return self._call(slave, "status")

    def get_key(self, slave, number=1, size=256, **more):
        """Keys for this SAE and `slave`, as (key_ID, bytearray). `more`: members of a Key request, `additional_slave_SAE_IDs=[...]`."""
        return keys_of(self._call(slave, "enc_keys", {"number": number, "size": size, **more}), number, size)

    def get_key_with_ids(self, master, key_ids):
        """The keys that `master` was given, in the order of `key_ids`."""
        container = self._call(master, "dec_keys", {"key_IDs": [{"key_ID": key_id} for key_id in key_ids]})
        keys = dict(keys_of(container, len(key_ids)))
        return [(key_id, keys[key_id]) for key_id in key_ids]

    def _call(self, sae, what, body=None):
        """Asks again after a 503, as nothing was consumed by it; after nothing else."""
        url = f"{self.url}/api/v1/keys/{urllib.parse.quote(sae, safe='')}/{what}"
        data = None if body is None else json.dumps(body).encode()
        headers = {**self.headers, **({} if body is None else {"Content-Type": "application/json"})}
        for attempt in range(1, ATTEMPTS + 1):
            try:
                with self.opener.open(urllib.request.Request(url, data, headers), timeout=75) as answer:
                    return json.loads(answer.read(ANSWER_BYTES))
            except urllib.error.HTTPError as error:
                refused = refusal_of(error)
                wait_s = max(refused.retry_after_s or 0, 0.25 * 2 ** (attempt - 1) * random.uniform(0.5, 1))
                if refused.status != 503 or attempt == ATTEMPTS or wait_s > LONGEST_WAIT_S:
                    raise refused from None
                time.sleep(wait_s)


def refusal_of(error):
    """The Error object's message (clause 6.5), where the answer is one."""
    try:
        message = json.loads(error.read(ANSWER_BYTES))["message"]
    except (ValueError, KeyError, TypeError):
        message = error.reason
    after = error.headers.get("Retry-After", "")
    return Refused(error.code, message, int(after) if after.isdigit() else None)


def keys_of(container, number, size=None):
    """All of a Key container (clause 6.3), or nothing of it."""
    keys = [(key["key_ID"], bytearray(base64.b64decode(key["key"], validate=True))) for key in container["keys"]]
    if len({key_id for key_id, _ in keys}) != number or len(keys) != number:
        raise ValueError(f"{len(keys)} keys, not {number} of different IDs")
    if size is not None and any(len(key) * 8 != size for _, key in keys):
        raise ValueError(f"keys that are not of {size} bits")
    return keys


def main():
    state = os.environ.get("QKD_STATE", ".qkd")
    if not os.path.exists(f"{state}/ports.json"):
        sys.exit(f"no {state}/ports.json: start this in the folder of a running npm start, or set QKD_STATE")
    with open(f"{state}/ports.json") as ports, open(f"{state}/tokens.json") as tokens:
        listeners, token = json.load(ports), json.load(tokens)["sae-b"]
    certs = f"{state}/certs"
    # sae-a at its own node, by certificate; sae-b through the edge, by token.
    alice = Kme(listeners["kme"]["tn-1"], None, f"{certs}/ca.crt", f"{certs}/sae-a.crt", f"{certs}/sae-a.key")
    bob = Kme(listeners["edge"], token)

    status = alice.status("sae-b")
    print(status["source_KME_ID"], "to", status["target_KME_ID"], "keys of", status["key_size"], "bits")

    # The master has keys given, and tells the other their IDs; that one fetches the same, once.
    given = alice.get_key("sae-b", number=2, size=256)
    fetched = bob.get_key_with_ids("sae-a", [key_id for key_id, _ in given])
    for (key_id, ours), (_, theirs) in zip(given, fetched):
        print(key_id, len(ours), "bytes", "equal" if ours == theirs else "UNEQUAL")
        ours[:], theirs[:] = bytes(len(ours)), bytes(len(theirs))
    try:
        bob.get_key_with_ids("sae-a", [given[0][0]])
        print("TWICE")
    except Refused as refused:
        print("refused:", refused)


if __name__ == "__main__":
    main()
