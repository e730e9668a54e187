/** The nodes of this deployment as others know them: the same keys each time, and sessions that never run out. */
import { expect, test } from "vitest";
import { LIMITS } from "../../shared/limits.ts";
import { fingerprintOf } from "../../shared/peers/identity.ts";
import { CheckedSessions, flawOfTimes, sessionDigest } from "../../shared/peers/session.ts";
import { verifyEd25519 } from "../signing/ed25519.ts";
import { Identities, identitiesOf } from "./identities.ts";

const NOW_MS = 1_800_000_000_000;
const seed = (): Uint8Array => new Uint8Array(32).fill(1);

test("the keys are those that the shared code's own test makes of this seed by other means", async () => {
  const keys = await new Identities(seed()).keysOf("tn-1");
  expect(fingerprintOf(keys)).toBe("7bceabea746674ad3468466378910702001e3b5f57dda76dcf204a73cc6570ff");
});

test("a new session takes the place of the old one before that ends, and not sooner", async () => {
  let nowMs = NOW_MS;
  const identities = new Identities(seed(), () => nowMs);
  const keys = await identities.keysOf("tn-1");
  const first = await identities.signerOf("tn-1");
  nowMs += LIMITS.peerSessionMs - LIMITS.peerRenewMs - 1;
  expect(await identities.signerOf("tn-1")).toBe(first);
  nowMs += 1;
  const { session } = await identities.signerOf("tn-1");
  expect(session.claims.key).not.toBe(first.session.claims.key);
  expect(flawOfTimes(session.claims, nowMs)).toBe(null);
  expect(await new CheckedSessions(verifyEd25519).isSigned(session, sessionDigest(session), keys)).toBe(true);
  // A clock that was put back: the session's begin would lie in the future.
  nowMs = NOW_MS - 1;
  expect((await identities.signerOf("tn-1")).session.claims.fromMs).toBe(nowMs);
});

test("each node has a session of its own, in its own name", async () => {
  const identities = new Identities(seed());
  const [one, other] = [await identities.signerOf("tn-1"), await identities.signerOf("tn-2")];
  expect([one.session.claims.node, other.session.claims.node]).toEqual(["tn-1", "tn-2"]);
  expect(await identities.signerOf("tn-1")).toBe(one);
});

test("no secret, or none of 32 bytes: no identities", () => {
  expect(identitiesOf({})).toBe(null);
  for (const text of ["", "c2hvcnQ=", "no base64", `${"A".repeat(43)}=\n`]) {
    expect(identitiesOf({ QKD_IDENTITY_SEED: text })).toBe(null);
  }
  const text = `${"A".repeat(43)}=`;
  expect(identitiesOf({ QKD_IDENTITY_SEED: text })).toBe(identitiesOf({ QKD_IDENTITY_SEED: text }));
});
