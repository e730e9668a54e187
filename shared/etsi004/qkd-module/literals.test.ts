import { describe, expect, test } from "vitest";
import { LIMITS } from "../../limits.ts";
import type { Ksid } from "../types.ts";
import {
  closed,
  closeFailed,
  keyGiven,
  keyRefused,
  keysAvailable,
  opened,
  openFailed,
  PEER_FAILED,
  PEER_OK,
  renderingOf,
} from "./literal-answers.ts";
import {
  parseAvailableKeys,
  parseClose,
  parseGetKey,
  parseOpenConnect,
  parseStart,
  parseSync,
} from "./literal-requests.ts";

const ksid = "00112233-4455-4677-8899-aabbccddeeff" as Ksid;

describe("requests of qkd-module 0.9", () => {
  test("open_connect as its README and its key server send it", () => {
    expect(parseOpenConnect("['10.0.0.1', '10.0.0.2:5000', {'timeout': 5000, 'length': 128}, None]")).toEqual({
      ok: true,
      value: { source: "10.0.0.1", destination: "10.0.0.2:5000", timeoutMs: 5000, lengthBits: 128, ksid: null },
    });
    expect(parseOpenConnect(`(None, "b", {'length': 8, 'timeout': 0, 'x': [1]}, u'${ksid}', 'spare')`)).toEqual({
      ok: true,
      value: { source: null, destination: "b", timeoutMs: 0, lengthBits: 8, ksid },
    });
  });

  test.each([
    ["['a', 'b', {'timeout': 5000, 'length': 127}, None]", "2.length: shall be a multiple of 8"],
    ["['a', 'b', {'timeout': -1, 'length': 128}, None]", "2.timeout: shall be an integer from 0 to 4294967295"],
    ["['a', 'b', {'timeout': 5000, 'length': 128}, 'mine']", "3: shall be a UUID"],
    ["['a', None, {'timeout': 5000, 'length': 128}, None]", "1: shall be a string"],
    ["['a', 'b', [], None]", "2.timeout: is missing"],
    ["['a', 'b', {'timeout': 5000, 'length': 128}]", "3: is missing"],
    ["{'source': 'a'}", "the literal: shall be a list of source, destination, QOS and KSID"],
    ["['a', 'b', {'timeout': 5000, 'length': 128}, null]", "at position 45: a name of JSON"],
    ["['a'", "at position 4: a comma or ] is missing"],
    ["", "at position 0: a value is missing"],
  ])("open_connect %s", (body, message) => {
    const parsed = parseOpenConnect(body);
    expect(parsed.ok || parsed.error.message).toContain(message);
  });

  test("get_key: an index, or the first available", () => {
    expect(parseGetKey(`['${ksid}', -1, None]`)).toEqual({ ok: true, value: { ksid, index: null } });
    expect(parseGetKey(`['${ksid}', 7, {'a': (1,)}]`)).toEqual({ ok: true, value: { ksid, index: 7 } });
    expect(parseGetKey("['x', 7]")).toEqual({ ok: true, value: { ksid: null, index: 7 } });
    for (const wrong of ["-2", "4294967296", "0.5", "'7'", "None", "99999999999999999999"]) {
      expect([wrong, parseGetKey(`['${ksid}', ${wrong}, None]`).ok]).toEqual([wrong, false]);
    }
  });

  test("close, start, sync", () => {
    expect(parseClose(`['${ksid}']`)).toEqual({ ok: true, value: { ksid } });
    expect(parseClose(`'${ksid}'`).ok).toBe(false);
    expect(parseStart(`'${ksid}'`)).toEqual({ ok: true, value: ksid });
    expect(parseStart("'x'").ok).toBe(false);
    expect(parseSync(new URLSearchParams(`key_handle=${ksid}`))).toEqual({ ok: true, value: ksid });
    expect(parseSync(new URLSearchParams("")).ok).toBe(false);
  });

  test("available_keys: no body, as in the README, or any literal", () => {
    expect(parseAvailableKeys("")).toEqual({ ok: true, value: null });
    expect(parseAvailableKeys(`['${ksid}']`)).toEqual({ ok: true, value: ksid });
    for (const body of ["[]", "None", "{}", "['x']", "[1]"]) {
      expect(parseAvailableKeys(body)).toEqual({ ok: true, value: null });
    }
    expect(parseAvailableKeys("[").ok).toBe(false);
  });

  test("bombs are refused by every one of them", () => {
    const bombs = ["[".repeat(1_000_000), `'${"x".repeat(10 * 1024 * 1024)}'`, "{'a':".repeat(LIMITS.literalDepth + 1)];
    for (const bomb of bombs) {
      for (const parse of [parseOpenConnect, parseGetKey, parseClose, parseAvailableKeys, parseStart]) {
        expect(parse(bomb)).toMatchObject({ ok: false, error: { code: "bad-request", details: [{}] } });
      }
    }
  });
});

describe("answers of qkd-module 0.9", () => {
  const key = Uint8Array.of(0, 0x27, 0x61, 255);
  const bodies = {
    common: [
      [200, `["${ksid}", 0]`],
      [400, `["${ksid}", 2]`],
      [400, '["", 2]'],
      [200, "[[0, 39, 97, 255], 3, 0]"],
      [400, '["", 3, 1]'],
      [400, '["", -1, 1]'],
      [200, "0"],
      [400, "2"],
      [200, "[12]"],
    ],
    json: [
      [200, `["${ksid}",0]`],
      [400, `["${ksid}",2]`],
      [400, "[null,2]"],
      [200, "[[0,39,97,255],3,0]"],
      [400, "[null,3,1]"],
      [400, "[null,-1,1]"],
      [200, "0"],
      [400, "2"],
      [200, "[12]"],
    ],
    repr: [
      [200, `['${ksid}', 0]`],
      [400, `['${ksid}', 2]`],
      [400, "['None', 2]"],
      [200, String.raw`[bytearray(b"\x00\'a\xff"), 3, 0]`],
      [400, "[None, 3, 1]"],
      [400, "[None, -1, 1]"],
      [200, "0"],
      [400, "2"],
      [200, "[12]"],
    ],
  } as const;

  test.each(["common", "json", "repr"] as const)("%s", (rendering) => {
    const answers = [
      opened(ksid, rendering),
      openFailed(ksid, rendering),
      openFailed(null, rendering),
      keyGiven(key, 3, rendering),
      keyRefused(3, rendering),
      keyRefused(null, rendering),
      closed(rendering),
      closeFailed(rendering),
      keysAvailable(12, rendering),
    ];
    expect(answers.map(({ httpStatus, body }) => [httpStatus, body])).toEqual(bodies[rendering]);
  });

  test("which is asked for by Accept", () => {
    expect(renderingOf(null)).toBe("common");
    expect(renderingOf("*/*")).toBe("common");
    expect(renderingOf("text/html, Application/JSON;q=0.9")).toBe("json");
    expect(renderingOf("application/x-python-literal")).toBe("repr");
  });

  test("the peer's two", () => {
    expect([PEER_OK.httpStatus, PEER_OK.body]).toEqual([200, "OK"]);
    expect([PEER_FAILED.httpStatus, PEER_FAILED.body]).toEqual([503, "Internal Server Error"]);
  });
});
