import { describe, expect, test } from "vitest";
import { RFC_9061 } from "./algorithms.ts";
import { checkSadEntry, checkSpdEntry, NO_KEYS } from "./entry.ts";
import { keyBytesOf, keyLayoutOf } from "./key-layout.ts";
import { tunnelEntries, type TunnelEnd, type TunnelWish } from "./tunnel-entries.ts";

const A: TunnelEnd = { prefix: "10.0.0.11", address: "10.0.0.11" };
const B: TunnelEnd = { prefix: "10.0.0.20/32", address: "10.0.0.20" };
const WISH: TunnelWish = {
  mode: "transport",
  enc: "aes-gcm-16-256",
  integrity: null,
  hard: { time: 3600 },
  soft: { time: 3000 },
  reqid: "77",
  spis: [1000, 2000],
  registry: "iana",
};
const made = (wish: Partial<TunnelWish>, ends: readonly [TunnelEnd, TunnelEnd] = [A, B]) => {
  const entries = tunnelEntries(ends, { ...WISH, ...wish });
  if (!entries.ok) throw new Error(entries.error);
  return entries.value;
};
const refused = (wish: Partial<TunnelWish>, ends: readonly [TunnelEnd, TunnelEnd] = [A, B]) => {
  const entries = tunnelEntries(ends, { ...WISH, ...wish });
  return entries.ok ? "made" : entries.error;
};

describe("both ends' entries", () => {
  test.each([
    [{}, 36],
    [{ enc: "aes-gcm-16-128" }, 20],
    [{ enc: "chacha20-poly1305" }, 36],
    [{ enc: "aes-cbc-256", integrity: "sha2-256-128" }, 64],
    [{ enc: "aes-cbc", integrity: "hmac-sha2-512-256", mode: "tunnel" as const }, 96],
    [{ enc: "null", integrity: "aes-cmac-96" }, 16],
  ])("%j are what RFC 9061 allows, and need %d octets of key", (wish, keyBytes) => {
    for (const { spd, sad } of made(wish)) {
      expect([spd.length, sad.length]).toEqual([2, 2]);
      for (const entry of spd)
        expect(checkSpdEntry(entry, RFC_9061)).toEqual({ ok: true, value: { entry, warnings: [] } });
      for (const entry of sad) {
        expect(checkSadEntry(entry, RFC_9061)).toMatchObject({ ok: true, value: { entry, warnings: [] } });
        const laidOut = keyLayoutOf(entry, RFC_9061, { dropped: NO_KEYS, policies: spd });
        if (!laidOut.ok) throw new Error(laidOut.error.message);
        expect(keyBytesOf(laidOut.value.layout)).toBe(keyBytes);
        expect(laidOut.value.notes).toEqual([]);
      }
    }
  });

  test("have the same SAs, and policies of the same names the other way round", () => {
    const [a, b] = made({});
    expect(a.sad).toEqual(b.sad);
    expect(a.sad.map(({ name }) => name)).toEqual([
      "out/10.0.0.11/in/10.0.0.20_1000",
      "out/10.0.0.20/in/10.0.0.11_2000",
    ]);
    const directions = ({ spd }: typeof a) => Object.fromEntries(spd.map(({ name, direction }) => [name, direction]));
    expect(directions(a)).toEqual({
      "out/10.0.0.11/in/10.0.0.20": "outbound",
      "out/10.0.0.20/in/10.0.0.11": "inbound",
    });
    expect(directions(b)).toEqual({
      "out/10.0.0.11/in/10.0.0.20": "inbound",
      "out/10.0.0.20/in/10.0.0.11": "outbound",
    });
  });

  test("in tunnel mode the hosts' addresses are the tunnel's ends", () => {
    const ends = [
      { prefix: "192.168.1.0/24", address: "2001:db8::1" },
      { prefix: "192.168.2.0/24", address: "2001:db8::2" },
    ] as const;
    const [a] = made({ mode: "tunnel" }, ends);
    expect(a.sad[1]).toMatchObject({
      name: "out/192.168.2.0/24/in/192.168.1.0/24_2000",
      "ipsec-sa-config": { mode: "tunnel", tunnel: { local: "2001:db8::2", remote: "2001:db8::1" } },
    });
  });

  test.each([
    [{ enc: "aes-gcm-16-512" }, "enc: shall be one of des-cbc, "],
    [{ enc: "aes" }, "enc: shall be one of"],
    [{ enc: "chacha20-poly1305", registry: "pfkey" as const }, "enc: shall be one of"],
    [{ integrity: "hmac-sha2-256-128" }, "integrity: aes-gcm-16 needs none"],
    [{ enc: "aes-cbc-256" }, "integrity: aes-cbc needs one of hmac-md5-96"],
    [{ enc: "aes-cbc-256", integrity: "none" }, "integrity: aes-cbc needs one of"],
  ])("%j: %s", (wish, words) => expect(refused(wish)).toContain(words));

  test("between what cannot be two ends there are none", () => {
    expect(refused({}, [A, { prefix: "::1", address: "10.0.0.20" }])).toBe("prefix: of different IP versions");
    expect(refused({}, [A, { prefix: "10.0.0.20", address: "::1" }])).toBe("address: of different IP versions");
    expect(refused({}, [A, A])).toBe("prefix: the same at both ends");
    expect(refused({}, [A, { prefix: "10.0.0.300", address: "10.0.0.20" }])).toMatch(
      /^address: shall be an IP address/,
    );
  });
});
