import fc from "fast-check";
import { expect, test } from "vitest";
import { csrfToken, isCsrfToken, SESSION_COOKIE, sessionId, sessionOfCookies, setSessionCookie } from "./session.ts";

const bytes = () => fc.uint8Array({ minLength: 32, maxLength: 32 });

test("a session is read from what its own Set-Cookie makes browsers send, among other cookies", () => {
  fc.assert(
    fc.property(bytes(), (random) => {
      const id = sessionId(random);
      const [pair = ""] = setSessionCookie(id, 60).split(";");
      expect(sessionOfCookies(`theme=dark; ${pair};a=b`)).toBe(id);
    }),
  );
});

test.each<[string, string | null, null | undefined]>([
  ["no header", null, null],
  ["other cookies", "qkd-session=0; x__Host-qkd-session=1", null],
  ["none in it", `${SESSION_COOKIE}=`, undefined],
  ["another form", `${SESSION_COOKIE}=${"g".repeat(64)}`, undefined],
  ["too long a one", `${SESSION_COOKIE}=${"0".repeat(65)}`, undefined],
  ["two of them", `${SESSION_COOKIE}=${"0".repeat(64)}; ${SESSION_COOKIE}=${"0".repeat(64)}`, undefined],
])("%s is no session", (_, header, session) => {
  expect(sessionOfCookies(header)).toBe(session);
});

test("the cookie is for this host alone, over TLS, out of scripts' reach, and not for requests from elsewhere", () => {
  expect(setSessionCookie("x", 5)).toBe("__Host-qkd-session=x; Path=/; Max-Age=5; Secure; HttpOnly; SameSite=Strict");
});

test("a CSRF token counts for its own session, as it was given, and for no other", () => {
  fc.assert(
    fc.property(bytes(), bytes(), bytes(), fc.nat(127), (session, other, salt, at) => {
      fc.pre(sessionId(session) !== sessionId(other));
      const token = csrfToken(sessionId(session), salt);
      expect(isCsrfToken(sessionId(session), token)).toBe(true);
      expect(isCsrfToken(sessionId(other), token)).toBe(false);
      const changed = token.slice(0, at) + (token[at] === "0" ? "1" : "0") + token.slice(at + 1);
      expect(isCsrfToken(sessionId(session), changed)).toBe(false);
      expect(isCsrfToken(sessionId(session), token.slice(1))).toBe(false);
      expect(isCsrfToken(sessionId(session), token.toUpperCase())).toBe(token === token.toUpperCase());
      expect(token).not.toContain(sessionId(session));
    }),
  );
});
