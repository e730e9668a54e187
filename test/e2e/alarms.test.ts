/** Alarms of a deployment that runs: raised by what happens to it, told to a receiver over HTTP, seen by an operator. */
import { X509Certificate } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Authority, issue, loadAuthority } from "../../pki/authority.ts";
import type { MonitorAlarm } from "../../shared/api/monitor-schemas.ts";
import { LIMITS } from "../../shared/limits.ts";
import type { WebhookStates } from "../../shared/monitor/alarm-rpc.ts";
import { qkd } from "../support/operator.ts";
import { runNetwork, type RunningNetwork } from "../support/run-network.ts";
import { isGenuine, type WebhookReceiver, webhookReceiver } from "../support/webhook-receiver.ts";

const DAY_MS = 24 * 3600_000;
/** A sample comes a second after the other while somebody asks; certificates are read again within seconds. */
const PATIENCE = { timeout: 40_000, interval: 250 } as const;

let receiver: WebhookReceiver;
let network: RunningNetwork;
let authority: Authority;

beforeAll(async () => {
  receiver = await webhookReceiver();
  const webhooks = [{ id: "pager", url: receiver.url, codes: ["key-ids-probed", "certificate-expiring"] }];
  network = await runNetwork({ network: (demo) => ({ ...demo, webhooks }) });
  const pem = async (name: string) => await readFile(join(network.state, "certs", name), "utf8");
  authority = await loadAuthority(await pem("ca.crt"), await pem("ca.key"));
});
afterAll(async () => {
  receiver.close();
  await network.stop();
});

const alarms = async (state = "standing"): Promise<MonitorAlarm[]> => {
  const answer = await network.fetch(`/api/v1/alarms?state=${state}`, "operator");
  expect(answer.status).toBe(200);
  return ((await answer.json()) as { alarms: MonitorAlarm[] }).alarms;
};
const subjects = async (code: string) => (await alarms()).filter((each) => each.code === code).map((a) => a.subject);
const webhook = async () => {
  const answer = await network.fetch("/api/v1/webhooks", "operator");
  return ((await answer.json()) as { webhooks: WebhookStates }).webhooks[0];
};
const probe = async (sae: string, node: string) => {
  for (let n = 0; n < LIMITS.probeWeight; n++) {
    const path = "/api/v1/keys/sae-c/dec_keys?key_ID=00000000-0000-4000-8000-000000000000";
    expect((await network.request(node, sae, path)).status).toBe(400);
  }
};
/** Of the deployment's authority, with so many days to go of a hundred. */
const almostOver = async (commonName: string, usage: "client" | "server", days: number) =>
  await issue(authority, {
    commonName,
    usage,
    sans: usage === "server" ? [{ type: "ip", value: "127.0.0.1" }] : [],
    notBefore: new Date(Date.now() - (100 - days) * DAY_MS),
    notAfter: new Date(Date.now() + days * DAY_MS),
  });

const tag = (pem: string): string =>
  new X509Certificate(pem).fingerprint256.replaceAll(":", "").toLowerCase().slice(0, 16);

describe("a webhook", () => {
  test("hears of what it wants in order, signed, however often that takes; and follows nobody elsewhere", async () => {
    receiver.answer = 302;
    await probe("sae-a", "tn-1");
    await expect.poll(() => subjects("key-ids-probed"), PATIENCE).toEqual(["sae:sae-a"]);
    await expect.poll(() => receiver.received.length, PATIENCE).toBe(1);
    await expect
      .poll(async () => (await webhook())?.failing, PATIENCE)
      .toMatchObject({ attempts: 1, reason: "it answers 302" });
    receiver.answer = 500;
    const cleared = await qkd(network, "alarms", "clear", "key-ids-probed", "--link", "tn-1-tn-2");
    expect(cleared).toMatchObject({ code: 0, out: "cleared 1 alarm of tn-1-tn-2\n" });
    await expect.poll(() => subjects("key-ids-probed"), PATIENCE).toEqual([]);
    receiver.answer = 200;
    await expect
      .poll(webhook, PATIENCE)
      .toMatchObject({ id: "pager", waiting: 0, delivered: 2, given_up: 0, failing: null });

    const publicKey = (await webhook())?.public_key;
    expect(publicKey).toMatch(/^whpk_[A-Za-z0-9+/]{43}=$/u);
    expect(receiver.received.map((each) => isGenuine(each, publicKey ?? ""))).not.toContain(false);
    expect(isGenuine({ ...receiver.received[0]!, text: "{}" }, publicKey ?? "")).toBe(false);
    expect(receiver.strays).toEqual([]);
    // The first one again and again under its own id, then the second one.
    const types = receiver.received.map(({ body }) => body.type);
    expect(types).toEqual([...types.slice(0, -1).map(() => "alarm.raised"), "alarm.cleared"]);
    expect(new Set(receiver.received.map(({ id }) => id)).size).toBe(2);
    expect(receiver.received.at(-1)?.body).toMatchObject({
      data: { deployment: "qkd-edge demo", alarm: { code: "key-ids-probed", of: { kind: "link", id: "tn-1-tn-2" } } },
    });
  });
});

describe("a certificate that ends soon", () => {
  test("is an alarm once an SAE has shown it, and an operator sees who and when", async () => {
    const { certificate, key } = await almostOver("sae-a", "client", 10);
    const shown = await network.request("tn-1", "sae-a", "/api/v1/keys/sae-c/status", { cert: certificate, key });
    expect(shown.status).toBe(200);
    await expect.poll(() => subjects("certificate-expiring"), PATIENCE).toEqual([`sae:sae-a, ${tag(certificate)}`]);
    const { out } = await qkd(network, "alarms");
    expect(out).toMatch(/warning +deployment +certificate-expiring +sae:sae-a, [0-9a-f]{16} +1 .*not after 2/);
  });

  test("is an alarm too where it is a KME's own", async () => {
    const { certificate, key } = await almostOver("tn-4", "server", 9);
    await writeFile(join(network.state, "certs", "tn-4.crt"), certificate);
    await writeFile(join(network.state, "certs", "tn-4.key"), key);
    const asked = async () => {
      // The front reads its files again by itself; in between the two do not fit, and the old ones count.
      await network.request("tn-4", "sae-b", "/api/v1/keys/sae-a/status");
      return await subjects("certificate-expiring");
    };
    await expect.poll(asked, PATIENCE).toContain(`KME front of tn-4, ${tag(certificate)}`);
  });

  test("is acknowledged from the command line, and stands on", async () => {
    const [alarm] = (await alarms()).filter(({ code }) => code === "certificate-expiring");
    const acknowledged = await qkd(network, "alarms", "ack", alarm?.id ?? "", "--note", "ordered");
    expect(acknowledged).toMatchObject({ code: 0, out: "acknowledged: certificate-expiring of deployment\n" });
    const after = (await alarms()).find(({ id }) => id === alarm?.id);
    expect(after).toMatchObject({ cleared: null, acknowledged: { by: "operator:operator", note: "ordered" } });
    const acts = async () => (await qkd(network, "audit", "--json")).out;
    await expect.poll(acts, PATIENCE).toMatch(/alarm\.acknowledged/);
    await expect.poll(acts, PATIENCE).toMatch(/alarm\.raised/);
  });
});
