"""
Keys by the KMS API of Open-QKD-Network with Python's standard library alone (3.8 or later), as qTox's core asks for them.

`Kms` is one user's way to the KMS of its site: a token, a new key, the same key at the other site. Below it two sites
share keys; with `npm start` running beside it:
    python3 examples/python/kms.py
"""
import base64
import json
import os
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

ANSWER_BYTES = 64 * 1024
RENEWAL_S = 60


class Refused(Exception):
    """What a KMS or its token service says instead: an OAuth error (`invalid_grant` ...), or why there is no key."""

    def __init__(self, status, message):
        super().__init__(f"{message} (HTTP {status})")
        self.status = status


class Kms:
    def __init__(self, url, client, secret, user, password):
        """`url` is https://, or http:// on this machine."""
        local = urllib.parse.urlsplit(url).hostname in ("127.0.0.1", "localhost", "::1")
        if not url.startswith("https://") and not local:
            raise ValueError(f"{url} would carry passwords and keys in clear text")
        self.url = url.rstrip("/")
        self.basic = "Basic " + base64.b64encode(f"{client}:{secret}".encode()).decode()
        self.user, self.password = user, password
        self.bearer, self.renew_at, self.refresh = None, 0, None
        # Not by a proxy, and nowhere else.
        self.opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), NoRedirect())

    def new_key(self, site):
        """A key for this site and that one: (block, index, bytearray). The other site has to be told block and index."""
        return self._key("newkey", siteid=site)

    def get_key(self, site, block, index):
        """The key that that site was given for this one, once."""
        got_block, got_index, key = self._key("getkey", siteid=site, blockid=block, index=index)
        if (got_block, got_index) != (block, index):
            raise ValueError("another key than the one asked for")
        return got_block, got_index, key

    def _key(self, what, **form):
        try:
            answer = self._post(f"/api/{what}", form, self._bearer())
        except Refused as refused:
            if refused.status != 401:
                raise
            # Revoked, perhaps. Nothing was consumed: worth one more token.
            self.renew_at = 0
            answer = self._post(f"/api/{what}", form, self._bearer())
        if answer["index"] < 0:
            raise Refused(200, answer.get("error") or "no such key, or none now")
        key = bytearray.fromhex(answer["hexKey"])
        if len(key) != 32:
            raise ValueError("a key that is not of 256 bits")
        return answer["blockId"], answer["index"], key

    def _bearer(self):
        if time.time() >= self.renew_at:
            answer = self._renewed() or self._token(grant_type="password", username=self.user, password=self.password)
            self.bearer = f"Bearer {answer['access_token']}"
            self.refresh = answer.get("refresh_token", self.refresh)
            self.renew_at = time.time() + answer.get("expires_in", 0) - RENEWAL_S
        return self.bearer

    def _renewed(self):
        """By the refresh token, which is good once. None where there is none, or none that is taken any more."""
        refresh, self.refresh = self.refresh, None
        try:
            return refresh and self._token(grant_type="refresh_token", refresh_token=refresh)
        except Refused as refused:
            if refused.status != 400:
                raise
            return None

    def _token(self, **form):
        return self._post("/uaa/oauth/token", form, self.basic)

    def _post(self, path, form, authorization):
        """By POST: what a URL holds stands in logs."""
        headers = {"Authorization": authorization, "Accept": "application/json"}
        request = urllib.request.Request(self.url + path, urllib.parse.urlencode(form).encode(), headers)
        try:
            with self.opener.open(request, timeout=75) as answer:
                return json.loads(answer.read(ANSWER_BYTES))
        except urllib.error.HTTPError as error:
            raise Refused(error.code, reason_of(error)) from None


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


def reason_of(error):
    """`error_description` and `error` of OAuth, or `error` alone as of a key."""
    try:
        answer = json.loads(error.read(ANSWER_BYTES))
        return ": ".join(answer[name] for name in ("error", "error_description") if isinstance(answer.get(name), str))
    except (ValueError, AttributeError):
        return error.reason


def main():
    state = os.environ.get("QKD_STATE", ".qkd")
    if not os.path.exists(f"{state}/ports.json"):
        sys.exit(f"no {state}/ports.json: start this in the folder of a running npm start, or set QKD_STATE")
    with open(f"{state}/ports.json") as ports:
        edge = json.load(ports)["edge"]
    # The demo's application and its users, at sites A and B.
    here = Kms(edge, "html5", "password", "pwebb", "bot")
    there = Kms(edge, "html5", "password", "site2", "bot")

    for _ in range(2):
        block, index, ours = here.new_key("B")
        _, _, theirs = there.get_key("A", block, index)
        print(block, index, len(ours), "bytes", "equal" if ours == theirs else "UNEQUAL")
        ours[:], theirs[:] = bytes(len(ours)), bytes(len(theirs))
    try:
        there.get_key("A", block, index)
        print("TWICE")
    except Refused as refused:
        print("refused:", refused)
    try:
        Kms(edge, "html5", "password", "pwebb", "wrong").new_key("B")
        print("ANYBODY")
    except Refused as refused:
        print("refused:", refused)


if __name__ == "__main__":
    main()
