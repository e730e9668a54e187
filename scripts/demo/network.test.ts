import { scryptSync } from "node:crypto";
import { expect, test } from "vitest";
import { validateNetwork } from "../../shared/network/validate.ts";
import { readPasswordHash } from "../../shared/open-qkd-network/password-hash.ts";
import { DEMO_TOKEN_NAMES, demoNetwork } from "./network.ts";

const network = demoNetwork(Object.fromEntries(DEMO_TOKEN_NAMES.map((name) => [name, `token of ${name}`])));

test("the demo is a sound network", () => {
  expect(validateNetwork(network)).toMatchObject({ ok: true });
});

test("its client and users are known by the passwords of Open-QKD-Network's examples", () => {
  const [html5] = network.kms_clients ?? [];
  const accounts = (network.kms_users ?? []).map(({ id, password, node }) => [id, node, password, "bot"] as const);
  expect(accounts.map(([id, node]) => `${id}@${node}`)).toEqual(["pwebb@tn-1", "site2@tn-2"]);
  for (const [id, , text, secret] of [["html5", "tn-1", html5?.secret ?? "", "password"] as const, ...accounts]) {
    const read = readPasswordHash(text);
    if (read === null) throw new Error(`no hash: ${id}`);
    const { log2N, r, p, salt, hash } = read;
    const computed = scryptSync(secret, salt, hash.length, { N: 2 ** log2N, r, p, maxmem: 2 ** 27 });
    expect([id, computed.equals(hash)]).toEqual([id, true]);
  }
});
