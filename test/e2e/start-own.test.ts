/** `npm start` on networks that are not the demo's: they are served, whoever's tokens are or are not at hand. */
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { tokenSha256 } from "../../shared/auth/token.ts";
import type { NetworkDocumentInput } from "../../shared/network/document.ts";
import { pushLink } from "../support/network-document.ts";
import { newStateFolder, type RunningNetwork, runNetwork } from "../support/run-network.ts";

const TOKEN = "token-of-the-boss-in-the-tests-of-npm-start";
const sae = (id: string, node: string) => ({
  id,
  node,
  credentials: [{ type: "certificate" as const, match: "cn" as const, value: id }],
});
const OWN: NetworkDocumentInput = {
  name: "own",
  nodes: [{ id: "n1" }, { id: "n2" }],
  links: [pushLink("n1-n2", "n1", "n2")],
  saes: [sae("alice", "n1"), sae("bob", "n2")],
  operators: [{ id: "boss", credentials: [{ type: "token", sha256: tokenSha256(TOKEN) }] }],
};
const WITH_N3: NetworkDocumentInput = { ...OWN, nodes: [...OWN.nodes, { id: "n3" }] };

const freshFolder = (): string => {
  const folder = newStateFolder();
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
};

const call = (
  { edge }: RunningNetwork,
  method: string,
  path: string,
  body: unknown,
  { token = TOKEN, ifMatch = 0 } = {},
): Promise<Response> =>
  fetch(`${edge}/api/v1/${path}`, {
    method,
    headers: { Authorization: `Bearer ${token}`, "If-Match": `"${ifMatch}"` },
    body: JSON.stringify(body),
  });

it("of a --config file: a node added meanwhile gets a front; a change waits for an operator's token", async () => {
  const state = freshFolder();
  const config = join(state, "own.json");
  const start = (...args: string[]) => runNetwork({ state, args: ["--config", config, ...args] });
  const write = (document: NetworkDocumentInput) => writeFileSync(config, JSON.stringify(document));

  write(OWN);
  const first = await start();
  expect(Object.keys(first.kme)).toEqual(["n1", "n2"]);
  expect(first.output()).toMatch(/^Link n1-n2 holds no key material yet\. Once some is pushed .*\nANSWER=/m);
  expect((await call(first, "PUT", "network", WITH_N3, { ifMatch: 1 })).status).toBe(200);
  const block = crypto.getRandomValues(new Uint8Array(1024));
  const path = `${first.edge}/api/v1/links/n1-n2/blocks/b:0?node=n1`;
  const pushed = await fetch(path, { method: "PUT", headers: { Authorization: `Bearer ${TOKEN}` }, body: block });
  expect(pushed.status).toBe(201);
  await first.stop();

  write({ ...OWN, name: "renamed" });
  const second = await start();
  expect(second.output()).toMatch(/^note: --config \S+own\.json differs from what was applied last, .*version 2 stays/);
  expect(second.output()).toContain("qkd-edge ready: own\n");
  expect(second.output()).toMatch(/^A key for alice, and the same key for bob/m);
  expect(Object.keys(second.kme)).toEqual(["n1", "n2", "n3"]);
  expect((await second.request("n1", "alice", "/api/v1/keys/bob/enc_keys")).status).toBe(200);
  expect(existsSync(join(state, "tokens.json"))).toBe(false);
  await second.stop();

  const tokenFile = join(state, "boss.token");
  writeFileSync(tokenFile, TOKEN);
  const third = await start("--token-file", tokenFile);
  expect(third.output()).toMatch(/^qkd-edge ready: renamed\n/);
  expect(Object.keys(third.kme)).toEqual(["n1", "n2"]);
  await third.stop();
});

it("put by hand: it is found again, its nodes get fronts by their certificates, without any operator left", async () => {
  const state = freshFolder();
  const start = (...args: string[]) => runNetwork({ state, args });
  const certificates = freshFolder();
  writeFileSync(join(certificates, "own.json"), JSON.stringify(OWN));
  const other = await runNetwork({ state: certificates, args: ["--config", join(certificates, "own.json")] });
  await other.stop();

  const first = await start("--no-demo");
  expect(first.output()).toMatch(/^qkd-edge ready: no network yet\n/);
  const token = readFileSync(join(state, "bootstrap.token"), "utf8").trim();
  expect((await call(first, "PUT", "network", OWN, { token })).status).toBe(200);
  await first.stop();

  for (const file of ["ca.crt", "n1.crt", "n1.key"]) {
    writeFileSync(join(state, "certs", file), readFileSync(join(certificates, "certs", file)));
  }
  const second = await start("--no-demo");
  expect(second.output()).toMatch(
    /^note: no KME front for n2: for one, put ca\.crt, n2\.crt and n2\.key into \S+certs /,
  );
  expect(second.output()).toContain("qkd-edge ready: own\n");
  expect(Object.keys(second.kme)).toEqual(["n1"]);
  const boss = { kind: "principal", value: "operator:boss" };
  expect((await call(second, "POST", "revocations", boss)).status).toBe(409);
  expect((await call(second, "POST", "revocations", { ...boss, force: true })).status).toBe(201);
  await second.stop();

  const third = await start();
  expect(third.output()).toMatch(/^note: not the demo's network: served as with --no-demo\n/);
  expect(third.output()).toContain("qkd-edge ready: own\n");
  expect(["tokens.json", "certs/n2.crt"].filter((file) => existsSync(join(state, file)))).toEqual([]);
  await third.stop();
});

it("the demo's, its operator revoked", async () => {
  const state = freshFolder();
  const first = await runNetwork({ state });
  const init = { method: "POST", body: '{"kind":"principal","value":"operator:operator","force":true}' };
  expect((await first.fetch("/api/v1/revocations", "operator", init)).status).toBe(201);
  await first.stop();
  const second = await runNetwork({ state });
  expect(second.output()).toMatch(
    /^note: nothing prefilled: the operator's token is not accepted .*\nqkd-edge ready: /m,
  );
  expect((await second.request("tn-1", "sae-a", "/api/v1/keys/sae-c/enc_keys")).status).toBe(200);
  await second.stop();
});
