/**
 * What examples/two-deployments says of itself: a chain whose halves two deployments host does what one does whose nodes
 * are all in one, and what only two can do wrong.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Authority, createAuthority } from "../../pki/authority.ts";
import { nodeOfSae } from "../support/chain-rig.ts";
import { ChainClients, testBooks, testKeys, testStatus, testStream, testWishes } from "../support/chain-tests.ts";
import { keysIn } from "../support/key-ledger.ts";
import { changeNetwork, eventually, readNetwork } from "../support/operator.ts";
import type { ReachedNetwork } from "../support/run-network.ts";
import { TlsTerminator } from "../support/tls-terminator.ts";
import { TwoDeployments } from "../support/two-deployments.ts";

const WITHIN_MS = 20_000;
const LINK = "tn-2-tn-3";

let example: TwoDeployments;
let proxies: readonly TlsTerminator[] = [];
let authority: Authority;

/** Its operator's authority is none that browsers trust. */
function trust(root: string): void {
  for (const name of ["one", "two"]) {
    mkdirSync(join(root, name), { mode: 0o700 });
    writeFileSync(join(root, name, "peers-ca.pem"), authority.certificate.toString("pem"));
  }
}

/** From now on a deployment asks the other's nodes there. */
async function askAt(url: string, deployment: ReachedNetwork): Promise<void> {
  await changeNetwork(deployment, (now) => ({
    ...now,
    nodes: now.nodes.map((node) => (node.remote === undefined ? node : { ...node, remote: { ...node.remote, url } })),
  }));
}

beforeAll(async () => {
  authority = await createAuthority("of the two operators");
  example = await TwoDeployments.run(trust);
  const { one, two } = example;
  const [ofOne, ofTwo] = await Promise.all([one, two].map(({ edge }) => TlsTerminator.start(edge, authority)));
  if (ofOne === undefined || ofTwo === undefined) throw new Error("there are two");
  proxies = [ofOne, ofTwo];
  await Promise.all([askAt(ofOne.url, two), askAt(ofTwo.url, one)]);
});
afterAll(async () => {
  await example.stop();
  for (const proxy of proxies) proxy.stop();
});

const clients = new ChainClients(() => example.rig(nodeOfSae));

test("says what it does", () => {
  const uuid = "[0-9a-f-]{36}";
  expect(example.printed).toMatch(
    new RegExp(
      [
        String.raw`^(deployment (one hosts tn-1 and tn-2|two hosts tn-3 and tn-4) at http://127\.0\.0\.1:\d+\n){2}`,
        "each knows the other's nodes; the link tn-2 - tn-3 is fed at both ends\n",
        `sae-a and sae-b have the same key: ${uuid}\n`,
        `sae-b and sae-a have the same key: ${uuid}\n`,
        "two deployments ready\n$",
      ].join(""),
    ),
  );
});

testKeys(clients);
testStatus(clients);
testWishes(clients);
testStream(clients, ["sae-a", "sae-b"], 2);

test("each believes what the other's nodes have signed of themselves", async () => {
  expect(await clients.operatorReads(example.one, "nodes/tn-1")).toMatchObject({
    heard: expect.arrayContaining(
      ["tn-3", "tn-4"].map((node): unknown => expect.objectContaining({ node, hosted: false, signed: true })),
    ) as unknown,
    alarms: [],
  });
});

/** Empty: it is not refused. */
async function refusal(number: number): Promise<string> {
  const answer = await clients.enc("sae-a", "sae-b", { number });
  if (answer.status === 503) return (JSON.parse(answer.body) as { message: string }).message;
  clients.noted(answer);
  return "";
}

/** As soon as there is some. */
async function expectKey(master: string, slave: string): Promise<void> {
  const given = await eventually(
    () => clients.enc(master, slave, {}),
    ({ status }) => status !== 503,
    WITHIN_MS,
  );
  const fetched = await clients.dec(slave, master, clients.noted(given));
  for (const key of keysIn(fetched.body)) clients.ledger.fetched(key);
}

test("an SAE that its node no longer announces gets no more keys: 503 names the node", async () => {
  const { document } = await readNetwork(example.two);
  const sae = document.saes.find(({ id }) => id === "sae-b");
  await changeNetwork(example.two, (now) => ({ ...now, saes: now.saes.filter(({ id }) => id !== "sae-b") }));
  expect(
    await eventually(
      () => refusal(1),
      (message) => message !== "",
      WITHIN_MS,
    ),
  ).toContain("tn-4");
  await changeNetwork(example.two, (now) => ({ ...now, saes: [...now.saes, sae] }));
  await expectKey("sae-a", "sae-b");
});

test("a cut link: 503 names it; it heals when the link is back", async () => {
  const { document } = await readNetwork(example.one);
  const link = document.links.find(({ id }) => id === LINK);
  await changeNetwork(example.one, (now) => ({ ...now, links: now.links.filter(({ id }) => id !== LINK) }));
  // What was brought ahead is given first, and the nodes hear of it one after the other.
  expect(
    await eventually(
      () => refusal(100),
      (message) => message.includes(LINK),
      WITHIN_MS,
    ),
  ).toMatch(/^no-path: no path to tn-4: /);
  await changeNetwork(example.one, (now) => ({ ...now, links: [...now.links, link] }));
  const healed = async () => (await example.one.fetch(`/api/v1/links/${LINK}`, "operator")).status;
  await eventually(healed, (status) => status === 200, WITHIN_MS);
  await expectKey("sae-a", "sae-b");
  await expectKey("sae-b", "sae-a");
});

test("they talk by TLS: an authority in peers-ca.pem is believed, and no other", async () => {
  for (const { connections } of proxies) expect(connections).toBeGreaterThan(0);
  const stranger = await createAuthority("of nobody they know");
  for (const proxy of proxies) await proxy.use(stranger);
  const before = proxies.map(({ connections }) => connections);
  expect(
    await eventually(
      () => refusal(1),
      (message) => message !== "",
      WITHIN_MS,
    ),
  ).not.toBe("");
  expect(proxies.map(({ connections }) => connections)).toEqual(before);
  for (const proxy of proxies) await proxy.use(authority);
  await expectKey("sae-a", "sae-b");
});

testBooks(clients);
