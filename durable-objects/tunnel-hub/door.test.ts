import { describe, expect, it } from "vitest";
import { toBase64 } from "../../shared/bytes/base64.ts";
import { LIMITS } from "../../shared/limits.ts";
import type { Claims } from "../../shared/tunnel/messages.ts";
import type { TunnelView } from "../../shared/tunnel/types.ts";
import { Door } from "./door.ts";
import type { HubNetwork } from "./network.ts";
import { type HubParts, Seldom } from "./parts.ts";
import type { Refusals } from "./refusals.ts";

const ENROLLED = "11111111-1111-1111-1111-111111111111";
const SIGNATURES = { ed25519: toBase64(new Uint8Array(64)), mlDsa65: toBase64(new Uint8Array(3309)) };
const URL_DIALLED = "https://edge.test/api/v1/sites/a/tunnel";

/** The hub of site `a`, which knows one instance; what the Directory says, it says once `tell` is called. */
function doorOfA() {
  const { promise, resolve } = Promise.withResolvers<TunnelView>();
  const store = { instance: (id: string) => (id === ENROLLED ? { agent: "agent-a" } : undefined) };
  const door = new Door(
    { site: "a", store, nowMs: () => 0 } as unknown as HubParts,
    { noteUnproven: () => {} } as unknown as Refusals,
    { now: async () => await promise } as unknown as HubNetwork,
    () => {
      throw new Error("no other hub is asked");
    },
  );
  const hear = async (site: string, instance = ENROLLED): Promise<string> => {
    const claims: Claims = { version: 1, agent: "nobody", site, instance, role: "peer", standby: false };
    const hello = JSON.stringify({ nonce: door.nonce(), claims, signatures: SIGNATURES });
    const heard = await door.hear(hello, URL_DIALLED);
    return heard.ok ? "proven" : heard.error;
  };
  return { door, hear, tell: () => resolve({ sequence: 1, agents: {}, linkedSites: [] }) };
}

describe("hellos that are looked at", () => {
  it("are bounded, those of the hub's own site and those of others apart", async () => {
    const { door, hear, tell } = doorOfA();
    const others = Array.from({ length: LIMITS.tunnelJudged }, async () => await hear("b"));
    expect(await hear("c")).toBe("unavailable");
    const own = hear("a");
    expect(door.isInUse).toBe(true);
    tell();
    expect(await own).toBe("revoked");
    expect(new Set(await Promise.all(others))).toEqual(new Set(["revoked"]));
    expect(door.isInUse).toBe(false);
  });

  it("are not those of strangers of the hub's own site, who are told at once", async () => {
    const { hear } = doorOfA();
    expect(await hear("a", ENROLLED.replaceAll("1", "2"))).toBe("not-enrolled");
  });
});

it("what is told of seldom comes with the number of those left out", () => {
  const seldom = new Seldom(1000, 2);
  expect([0, 1, 999, 1000].map((nowMs) => seldom.leftOut("x", nowMs))).toEqual([0, null, null, 2]);
  expect(seldom.leftOut("y", 1000)).toBe(0);
});
