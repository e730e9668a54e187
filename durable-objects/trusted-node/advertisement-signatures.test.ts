/** What is believed of an advertisement: two deployments, of which one knows the other's node by its public keys. */
import { describe, expect, test } from "vitest";
import { SIGNATURE_BYTES } from "../../shared/auth/double-signature.ts";
import { fromBase64, toBase64 } from "../../shared/bytes/base64.ts";
import type { LinkId, NodeId, SaeId } from "../../shared/ids.ts";
import { LIMITS } from "../../shared/limits.ts";
import { Flood } from "../../shared/routing/flood/flood.ts";
import type { FloodNetwork, SignedClaim } from "../../shared/routing/flood/types.ts";
import { Identities } from "../peers/identities.ts";
import { keysText, signAdvertisement, verifyAdvertisement } from "./advertisement-signatures.ts";

const SEED = new Uint8Array(32).fill(5);
const env = { QKD_IDENTITY_SEED: toBase64(SEED) };
const NODE = "tn-2" as NodeId;
const BYTES = new TextEncoder().encode("what a node says of itself");
const keysOf = async (seed: Uint8Array, node: string): Promise<string> =>
  keysText(await new Identities(seed).keysOf(node));
const flipped = (text: string, at: number): string => {
  const bytes = fromBase64(text) ?? new Uint8Array();
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  return toBase64(bytes);
};

const signed = async (): Promise<SignedClaim> => {
  const signature = await signAdvertisement(env, NODE, BYTES);
  if (signature === null) throw new Error("it was not signed");
  return { node: NODE, keys: await keysOf(SEED, NODE), bytes: BYTES, signature };
};

describe("an advertisement's signature", () => {
  test("is both, one after the other, and holds", async () => {
    const claim = await signed();
    expect(fromBase64(claim.signature)?.length).toBe(SIGNATURE_BYTES.ed25519 + SIGNATURE_BYTES.mlDsa65);
    expect(claim.signature.length).toBeLessThanOrEqual(LIMITS.floodSignatureChars);
    expect(await verifyAdvertisement(claim)).toBe(true);
  });

  test("does not hold where anything of it, or of what it covers, was changed", async () => {
    const claim = await signed();
    const { signature } = claim;
    const others: readonly Partial<SignedClaim>[] = [
      { bytes: BYTES.slice(1) },
      { keys: await keysOf(SEED, "tn-3") },
      { keys: await keysOf(new Uint8Array(32).fill(6), NODE) },
      { keys: "no keys" },
      { signature: flipped(signature, 3) },
      { signature: flipped(signature, SIGNATURE_BYTES.ed25519 + 3) },
      { signature: signature.slice(0, -4) },
      { signature: `${signature}AAAA` },
      { signature: "AAAA" },
      { signature: "no base64!" },
    ];
    for (const other of others) expect(await verifyAdvertisement({ ...claim, ...other })).toBe(false);
  });

  test("is none where the deployment has no identity", async () => {
    expect(await signAdvertisement({}, NODE, BYTES)).toBe(null);
  });
});

test("a node's own words are believed by another deployment's node, with its links and SAEs, and a forger's are not", async () => {
  const other = "tn-3" as NodeId;
  const sae = "sae-c" as SaeId;
  const keys = await keysOf(SEED, NODE);
  const network = (hosted: NodeId): FloodNetwork => ({
    nodes: new Map(
      [NODE, other].map((node) => [
        node,
        { isHosted: node === hosted, keys: node === hosted ? null : keys, saes: new Set(node === NODE ? [sae] : []) },
      ]),
    ),
    neighbours: new Set([hosted === NODE ? other : NODE]),
  });
  const nowMs = Date.now();
  const ports = {
    verify: verifyAdvertisement,
    storeSequence: () => undefined,
    onAlarm: () => undefined,
    onAway: () => undefined,
    random: () => 0.5,
    send: () => undefined,
    sign: async (bytes: Uint8Array) => await signAdvertisement(env, NODE, bytes),
  };
  const speaker = new Flood({ self: NODE, network: network(NODE), sequence: 0, ports }, nowMs);
  const link = { link: "l" as LinkId, peer: other, availableBits: 4096, keyRateBps: 1, qber: null };
  await speaker.announce({ links: [link], saes: [sae] }, nowMs);
  const [own] = speaker.advertisements(nowMs);
  if (own === undefined) throw new Error("it says nothing of itself");

  const hearer = new Flood({ self: other, network: network(other), sequence: 0, ports }, nowMs);
  const forged = { ...own, signature: flipped(own.signature ?? "", 90) };
  const refused = await hearer.receive({ from: NODE, advertisements: [forged] }, nowMs);
  expect(refused).toEqual({ ok: true, value: { news: 0, refused: [{ node: NODE, reason: "bad-signature" }] } });
  expect(hearer.nodeOf(sae)).toBe(null);
  expect(await hearer.receive({ from: NODE, advertisements: [own] }, nowMs)).toEqual({
    ok: true,
    value: { news: 1, refused: [] },
  });
  expect(hearer.nodeOf(sae)).toBe(NODE);
});
