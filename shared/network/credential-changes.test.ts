import { expect, it } from "vitest";
import { credentialChanges } from "./credential-changes.ts";
import type { NetworkDocumentInput } from "./document.ts";
import { validateNetwork } from "./validate.ts";

const token = (digit: string, more: object = {}) => ({ type: "token" as const, sha256: digit.repeat(64), ...more });
const certificate = { type: "certificate" as const, match: "cn" as const, value: "sae-a" };
const EMPTY: NetworkDocumentInput = {
  nodes: [{ id: "tn-1" }],
  links: [],
  saes: [],
  operators: [{ id: "first", credentials: [token("f")] }],
};

function valid(document: NetworkDocumentInput) {
  const result = validateNetwork({ ...EMPTY, ...document }, {});
  if (!result.ok) throw new Error(JSON.stringify(result.error));
  return result.value;
}
const operator = (...credentials: ReturnType<typeof token>[]) =>
  valid({ ...EMPTY, operators: [{ id: "op", credentials }] });

it("tells what came and went, and of whom", () => {
  const before = valid({
    ...EMPTY,
    saes: [{ id: "sae-a", node: "tn-1", credentials: [certificate, token("a")] }],
    operators: [{ id: "op", credentials: [token("1")] }],
  });
  const after = valid({
    ...EMPTY,
    saes: [{ id: "sae-a", node: "tn-1", credentials: [certificate] }],
    operators: [{ id: "op", credentials: [token("1"), token("2", { scopes: ["audit.read"] })] }],
  });
  expect(credentialChanges(before, after)).toEqual([
    { act: "credential.remove", detail: { principal: "sae:sae-a", kind: "token", value: "a".repeat(64) } },
    {
      act: "credential.add",
      detail: { principal: "operator:op", kind: "token", value: "2".repeat(64), scopes: "audit.read" },
    },
  ]);
  expect(credentialChanges(after, after)).toEqual([]);
});

it("counts a token that may do more, or for longer, as another", () => {
  const narrow = operator(token("0"), token("1", { scopes: ["audit.read"] }));
  const acts = (document: ReturnType<typeof operator>) => credentialChanges(narrow, document).map(({ act }) => act);
  expect(acts(operator(token("0"), token("1")))).toEqual(["credential.remove", "credential.add"]);
  expect(acts(operator(token("1", { scopes: ["audit.read"] }), token("0")))).toEqual([]);
});

it("is bounded", () => {
  const many = valid({
    ...EMPTY,
    saes: Array.from({ length: 300 }, (_, n) => ({
      id: `sae-${n}`,
      node: "tn-1",
      credentials: [{ ...certificate, value: `sae-${n}` }],
    })),
  });
  const changes = credentialChanges(valid(EMPTY), many);
  expect(changes).toHaveLength(201);
  expect(changes.at(-1)).toEqual({ act: "credential.more", detail: { left_out: 100 } });
});
