import { beforeAll, describe, expect, test } from "vitest";
import { LIMITS } from "../../../shared/limits.ts";
import { parseLiteral } from "../../../shared/etsi004/python-literal/parse.ts";
import { call, post, setUp, WITHOUT_GRACE, withoutRelays } from "../../../test/support/in-workerd-network.ts";
import { bothOpen, keyAs, statusOf, TEN_MEGABYTES } from "../../../test/support/in-workerd-stream-routes.ts";

beforeAll(async () => await setUp(4, withoutRelays(WITHOUT_GRACE)));

interface Told {
  readonly http: number;
  readonly text: string;
}
async function told(response: Response): Promise<Told> {
  // Of a type that workerd does not take for text.
  return { http: response.status, text: new TextDecoder().decode(await response.arrayBuffer()) };
}
const send = async (as: string, name: string, body: string, headers: Record<string, string> = {}): Promise<Told> =>
  await told(await post(`/${name}`, as, body, headers));

/** What Python's eval and JSON both read from an answer. */
function both({ text }: Told): unknown {
  const json: unknown = JSON.parse(text);
  expect(parseLiteral(text)).toEqual({ ok: true, value: json });
  return json;
}
const ofRepr = ({ text }: Told): unknown => {
  const literal = parseLiteral(text);
  if (!literal.ok) throw new Error(literal.error.message);
  return literal.value;
};
const REPR = { Accept: "application/x-python-literal" };

async function opened(qos = "{'timeout': 5000, 'length': 128}"): Promise<string> {
  const first = await send("sae-a", "open_connect", `['sae-a', 'sae-b', ${qos}, None]`);
  const [ksid] = both(first) as [string];
  expect(first).toEqual({ http: 200, text: `["${ksid}", 0]` });
  expect(await send("sae-b", "open_connect", `['10.0.0.1', 'sae-a', ${qos}, '${ksid}']`)).toEqual(first);
  return ksid;
}

describe("qkd-module 0.9", () => {
  test("the README's examples: open, first available keys, close", async () => {
    const ksid = await opened();
    const first = await send("sae-a", "get_key", `['${ksid}', -1, None]`);
    const [key, index, status] = both(first) as [number[], number, number];
    expect([first.http, index, status]).toEqual([200, 0, 0]);
    expect(key).toHaveLength(16);
    for (const octet of key) expect(octet).toBeLessThan(256);
    const [, next] = both(await send("sae-a", "get_key", `['${ksid}', -1, None]`)) as [number[], number];
    expect(next).toBe(1);
    expect(both(await send("sae-b", "get_key", `('${ksid}', 0, None)`))).toEqual([key, 0, 0]);
    expect(await send("sae-a", "close", `['${ksid}']`)).toEqual({ http: 200, text: "0" });
  });

  test("a key of a length that cannot be had: nothing is open", async () => {
    for (const length of [0, 32, 800_000]) {
      const ksid = crypto.randomUUID();
      const asked = `['sae-a', 'sae-b', {'timeout': 5000, 'length': ${length}}, '${ksid}']`;
      expect(await send("sae-a", "open_connect", asked)).toEqual({ http: 400, text: `["${ksid}", 2]` });
      expect(await send("sae-a", "close", `['${ksid}']`)).toEqual({ http: 400, text: "2" });
    }
  });

  test("after its own close an end may fetch what the other has exchanged", async () => {
    const ksid = await opened();
    const [key] = both(await send("sae-b", "get_key", `['${ksid}', -1, None]`)) as [number[]];
    expect((await send("sae-a", "close", `['${ksid}']`)).http).toBe(200);
    expect(both(await send("sae-a", "get_key", `['${ksid}', 0, None]`))).toEqual([key, 0, 0]);
    const refused = await send("sae-a", "get_key", `['${ksid}', 500, None]`);
    expect([refused.http, both(refused)]).toEqual([400, ["", 500, 1]]);
  });

  test("as 0.9 wrote it, and as JSON, for who asks for that", async () => {
    const asked = "['sae-a', 'sae-b', {'timeout': 5000, 'length': 128}, None]";
    const response = await post("/open_connect", "sae-a", asked, REPR);
    expect(response.headers.get("Content-Type")).toBe("application/x-python-literal");
    const [ksid] = ofRepr(await told(response)) as [string];
    await send("sae-b", "open_connect", `['sae-b', 'sae-a', {'timeout': 5000, 'length': 128}, '${ksid}']`);
    const repr = await send("sae-a", "get_key", `['${ksid}', -1, None]`, REPR);
    expect(repr.text).toMatch(/^\[bytearray\(b['"].*['"]\), 0, 0\]$/s);
    const [key] = ofRepr(repr) as [Uint8Array];
    const json = await send("sae-b", "get_key", `['${ksid}', 0, None]`, { Accept: "application/json" });
    expect(JSON.parse(json.text)).toEqual([[...key], 0, 0]);
    expect((await send("sae-a", "get_key", `['${ksid}', 0, None]`, REPR)).text).toBe("[None, 0, 1]");
    const none = await send("sae-a", "get_key", `['${ksid}', 0, None]`, { Accept: "application/json" });
    expect(none).toEqual({ http: 400, text: "[null,0,1]" });
    expect((await send("sae-a", "open_connect", "[]", REPR)).text).toBe("['None', 2]");
  });

  test.each([
    ["nobody", "['sae-a', 'nobody', {'timeout': 100, 'length': 128}, None]"],
    ["itself", "['sae-a', 'sae-a', {'timeout': 100, 'length': 128}, None]"],
    ["no neighbour", "['sae-a', 'sae-d', {'timeout': 100, 'length': 128}, None]"],
    ["a key of no bits", "['sae-a', 'sae-b', {'timeout': 100, 'length': 0}, None]"],
    ["half octets", "['sae-a', 'sae-b', {'timeout': 100, 'length': 12}, None]"],
    ["a negative length", "['sae-a', 'sae-b', {'timeout': 100, 'length': -8}, None]"],
    ["no list", "{'source': 'sae-a'}"],
    ["too short a list", "['sae-a']"],
    ["no literal", "__import__('os').system('id')"],
    ["nothing", ""],
    ["a bomb of brackets", "[".repeat(60_000)],
    ["a bomb of values", `[${"0,".repeat(30_000)}]`],
    ["a number too large", "['sae-a', 'sae-b', {'timeout': 9e999, 'length': 128}, None]"],
    ["no UTF-8", "\ud800"],
  ])("an open that fails: %s", async (_, body) => {
    const refused = await send("sae-a", "open_connect", body);
    expect([refused.http, both(refused)]).toEqual([400, ["", 2]]);
  });

  test("tells the KSID asked for, where an open fails", async () => {
    const ksid = crypto.randomUUID();
    const refused = await send(
      "sae-a",
      "open_connect",
      `['sae-a', 'sae-b', {'timeout': 100, 'length': 128}, '${ksid}']`,
    );
    expect([refused.http, both(refused)]).toEqual([400, [ksid, 2]]);
  });

  test("KSIDs that nobody knows, and those of others", async () => {
    const foreign = await bothOpen();
    for (const [as, ksid] of [
      ["sae-a", crypto.randomUUID()],
      ["sae-a", "none"],
      ["sae-a2", foreign],
    ] as const) {
      const key = await send(as, "get_key", `['${ksid}', -1, None]`);
      expect([key.http, both(key)]).toEqual([400, ["", -1, 1]]);
      expect(await send(as, "close", `['${ksid}']`)).toEqual({ http: 400, text: "2" });
      expect((await send(as, "start", `'${ksid}'`)).http).toBe(ksid === "none" ? 400 : 403);
      expect(await statusOf(`/sync?key_handle=${ksid}`, { as })).toBe(ksid === "none" ? 400 : 403);
    }
    expect((await keyAs("sae-a", foreign)).http).toBe(200);
  });

  test("available keys: of a stream; without one, of the node", async () => {
    const ksid = await opened();
    const [ofStream] = both(await send("sae-a", "available_keys", `['${ksid}']`)) as [number];
    expect(ofStream).toBe(LIMITS.streamAheadChunks);
    // Four blocks of 64 KiB, in keys of 256 bits; other streams of these tests have had some.
    const [ofNode] = both(await told(await call("/available_keys", { as: "sae-a", method: "POST" }))) as [number];
    expect(ofNode).toBeGreaterThan(0);
    expect(ofNode).toBeLessThanOrEqual((4 * 65_536) / 32);
    expect(await send("sae-a", "available_keys", `['${crypto.randomUUID()}']`)).toEqual({ http: 400, text: "[0]" });
    expect(await send("sae-a", "available_keys", "[")).toEqual({ http: 400, text: "[0]" });
  });

  test("the other module's calls, by an end of the stream", async () => {
    const ksid = await opened();
    for (const as of ["sae-a", "sae-b"]) {
      expect(await told(await call(`/sync?key_handle=${ksid}`, { as }))).toEqual({ http: 200, text: "OK" });
      expect(await send(as, "start", `'${ksid}'`)).toEqual({ http: 200, text: "OK" });
    }
    expect((await send("sae-a", "start", "[")).http).toBe(400);
  });

  test("ten megabytes: 413, in the call's own form", async () => {
    for (const [name, text] of [
      ["open_connect", '["", 2]'],
      ["get_key", '["", -1, 1]'],
      ["close", "2"],
      ["available_keys", "[0]"],
    ] as const) {
      expect(await send("sae-a", name, TEN_MEGABYTES)).toEqual({ http: 413, text });
    }
    expect((await send("sae-a", "start", TEN_MEGABYTES)).http).toBe(413);
  });

  test("is for SAEs, by its methods", async () => {
    for (const name of ["open_connect", "get_key", "close", "available_keys", "start"]) {
      for (const [as, status] of [
        ["op", 403],
        ["agent-1", 403],
        [null, 401],
      ] as const) {
        expect(await statusOf(`/${name}`, { as, method: "POST" })).toBe(status);
      }
      for (const method of ["GET", "HEAD"]) expect(await statusOf(`/${name}`, { as: "sae-a", method })).toBe(405);
    }
    for (const method of ["POST", "HEAD"]) expect(await statusOf("/sync", { as: "sae-a", method })).toBe(405);
    expect(await statusOf("/sync?key_handle=x", { as: null })).toBe(401);
  });
});
