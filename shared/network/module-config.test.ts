import { expect, test } from "vitest";
import { DEFAULT_MODULE } from "../qkd-module/settings.ts";
import type { NetworkDocument } from "./document.ts";
import { moduleLink, modulesChanged } from "./module-config.ts";
import { validateNetwork } from "./validate.ts";

const documentOf = (...links: object[]): unknown => ({
  nodes: [{ id: "n1" }, { id: "n2" }, { id: "n3" }],
  links: links.map((link) => ({
    id: "n1-n2",
    nodes: ["n1", "n2"],
    source: "bb84",
    feed: "two-ended",
    health: "reject",
    key_rate_bps: 0,
    ...link,
  })),
  saes: [],
  operators: [{ id: "op", credentials: [{ type: "token", sha256: "0".repeat(64) }] }],
});

function valid(document: unknown): NetworkDocument {
  const result = validateNetwork(document);
  if (!result.ok) throw new Error(JSON.stringify(result.error));
  return result.value;
}

test("settings that are left out are the reference's", () => {
  expect(moduleLink(valid(documentOf({ module: { loss_db: 20, max_key_count: 10 } })), "n1-n2")).toMatchObject({
    nodes: ["n1", "n2"],
    settings: { ...DEFAULT_MODULE, sim: "bb84", loss_db: 20, max_key_count: 10 },
    enoughBits: 10 * 256,
  });
  expect(moduleLink(valid(documentOf({ source: "fake", key_rate_bps: 1000 })), "n1-n2")?.settings).toMatchObject({
    sim: "fake",
    key_rate_bps: 1000,
  });
  expect(moduleLink(valid(documentOf({ source: "push" })), "n1-n2")).toBeNull();
});

test.each([
  [{ feed: "one-ended" }, "/links/0/feed", "shall be two-ended where the source is bb84: each end has a QKD module"],
  [{ source: "push", module: {} }, "/links/0/module", "is for links whose source is bb84 or fake"],
  [
    { module: { intensities: DEFAULT_MODULE.intensities.toReversed() } },
    "/links/0/module",
    expect.stringMatching(/decoy must be weaker/),
  ],
  [{ module: { eve_share: 2 } }, "/links/0/module/eve_share", expect.anything()],
  [{ module: { eve: true } }, "/links/0/module/eve", expect.anything()],
])("%j is refused at %s", (members, pointer, message) => {
  const result = validateNetwork(documentOf(members));
  expect(result.ok ? [] : result.error.details).toEqual([{ pointer, message }]);
});

test("modules hear of what is new to them, and of their end", () => {
  const tapped = valid(documentOf({ module: { eve_share: 0.1 } }));
  const plain = valid(documentOf({}));
  const pushed = valid(documentOf({ source: "push" }));
  const ends = [
    ["n1-n2", "n1"],
    ["n1-n2", "n2"],
  ];
  expect(modulesChanged(plain, tapped)).toEqual(ends);
  expect(modulesChanged(plain, pushed)).toEqual(ends);
  expect(modulesChanged(pushed, plain)).toEqual(ends);
  expect(modulesChanged(plain, plain)).toEqual([]);
  expect(modulesChanged(pushed, pushed)).toEqual([]);
});
