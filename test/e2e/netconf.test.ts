/** The agent's NETCONF client with a real server: yuma123's netconfd behind OpenSSH, with the modules of RFC 9061. */
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import type { NetconfConfig } from "../../tunnel/services/netconf/config.ts";
import { makeNetconfHost } from "../../tunnel/services/netconf/make-netconf-host.ts";
import type { NetconfHost, SubscriptionEvent } from "../../tunnel/services/netconf/netconf-host.ts";
import { fetchHostKey } from "../../tunnel/services/netconf/host-key.ts";
import { Netconfd, netconfdMissing } from "../support/netconf.ts";
import { sa } from "../support/netconf-changes.ts";
import { lockedBySomebody } from "../support/netconf-locker.ts";
import { temporaryFolder } from "../support/tunnel-agent.ts";

const missing = netconfdMissing();
// oxlint-disable-next-line no-console -- a reader of the run should know
if (missing !== null) console.log(`no NETCONF server to test with, so its tests are skipped: ${missing}`);

const hostAt = (config: NetconfConfig): NetconfHost => {
  const host = makeNetconfHost(config);
  onTestFinished(() => host.close());
  return host;
};

describe.skipIf(missing !== null).each(["running", "candidate"] as const)("netconfd, edited by its %s", (target) => {
  let server: Netconfd;
  beforeAll(async () => {
    server = await Netconfd.start({ target });
  });
  afterAll(() => server.stop());

  test("entries are put there, found and taken away; each call some milliseconds", async () => {
    const host = hostAt(server.config);
    const some = Array.from({ length: 20 }, (_, at) => sa(`${target}-a-${at}`, { spi: 4000 + at, reqid: 7 }));
    expect(await host.installAll(some)).toEqual({ ok: true, value: null });
    expect(some.every(({ config }) => config.every((byte) => byte === 0))).toBe(true);
    const read = await host.read([sa(`${target}-a-3`).entry, sa("nowhere").entry]);
    expect(read).toMatchObject({
      value: [
        { isThere: true, reqid: "7", spi: 4003 },
        { isThere: false, reqid: null, spi: null },
      ],
    });
    const gone = some.map(({ entry: { name } }) => sa(name, { operation: "remove" }));
    expect(await host.installAll(gone)).toEqual({ ok: true, value: null });
    expect(await host.installAll([sa(`${target}-a-0`, { operation: "remove" })])).toEqual({ ok: true, value: null });
    expect(host.status()).toMatchObject({
      state: "connected",
      connects: 1,
      capabilities: { version: "1.1", hasModel: true },
    });
  });

  test("what is refused is refused whole, says which entry is at fault, and no key", async () => {
    const host = hostAt(server.config);
    const key = randomBytes(20)
      .toString("hex")
      .replaceAll(/..(?=.)/g, "$&:");
    const bad = () => sa(`${target}-bad`, { spi: 5001, key, iv: `${key}:zz` });
    const refused = await host.installAll([sa(`${target}-good`, { spi: 5000 }), bad()]);
    expect(refused).toMatchObject({ ok: false, error: { code: "refused", error: { tag: "invalid-value" }, index: 1 } });
    expect(JSON.stringify(refused)).not.toContain(key.slice(0, 8));
    const entries = [sa(`${target}-good`).entry, sa(`${target}-bad`).entry];
    expect(await host.read(entries)).toMatchObject({ value: [{ isThere: false }, { isThere: false }] });

    const each = await host.installEach([
      sa(`${target}-good`, { spi: 5000 }),
      bad(),
      sa(`${target}-other`, { spi: 5002 }),
    ]);
    expect(each).toMatchObject([{ ok: true }, { ok: false, error: { code: "refused", index: 1 } }, { ok: true }]);
    const again = await host.installAll([sa(`${target}-good`, { spi: 5000 })]);
    expect(again).toMatchObject({ error: { code: "refused", error: { tag: "data-exists" }, index: 0 } });
    const twice = [sa(`${target}-other`, { operation: "delete" }), sa(`${target}-none`, { operation: "delete" })];
    expect(await host.installAll(twice)).toMatchObject({ error: { error: { tag: "data-missing" } } });
  });

  test("somebody else's lock is waited for, and then named", async () => {
    const host = hostAt(server.config);
    const release = await lockedBySomebody(server.config);
    const denied = await host.installAll([sa(`${target}-locked`, { spi: 5100 })]);
    expect(denied).toMatchObject({ ok: false, error: { code: "lock-denied" } });
    await release();
    expect(await host.installAll([sa(`${target}-locked`, { spi: 5100 })])).toEqual({ ok: true, value: null });
  });

  test("notifications of a subscription come while entries are changed", async () => {
    const host = hostAt(server.config);
    const { promise, resolve } = Promise.withResolvers<string>();
    const { promise: subscribed, resolve: onSubscribed } = Promise.withResolvers<void>();
    const subscription = host.subscribe((event: SubscriptionEvent) => {
      if (event.type === "subscribed") onSubscribed();
      if (event.type === "notification" && event.xml.includes("netconf-config-change")) resolve(event.xml);
    });
    await subscribed;
    await host.installAll([sa(`${target}-watched`, { spi: 5200 })]);
    expect(await promise).toMatch(/^<\?xml|^<notification/);
    subscription.close();
    expect(await host.installAll([sa(`${target}-watched`, { operation: "delete" })])).toEqual({
      ok: true,
      value: null,
    });
    expect(host.status().connects).toBe(1);
  });
});

describe.skipIf(missing !== null)("netconfd and OpenSSH", () => {
  let server: Netconfd;
  beforeAll(async () => {
    server = await Netconfd.start();
  });
  afterAll(() => server.stop());

  test("no key of the host is pinned: it is named, looked at, written down, and then taken", async () => {
    const file = path.join(temporaryFolder(), "known_hosts");
    const { host_key: _, ...rest } = server.config;
    const host = hostAt({ ...rest, host_key_file: file });
    const shown = await fetchHostKey(server.config, 5000);
    if (!shown.ok) throw new Error(shown.error.message);
    const refused = await host.read([sa("x").entry]);
    expect(refused).toMatchObject({ error: { code: "host-key-unknown", fingerprint: shown.value.fingerprint } });
    expect(JSON.stringify(refused)).toContain(shown.value.line);
    writeFileSync(file, `${shown.value.line}\n`);
    expect(await host.read([sa("x").entry])).toMatchObject({ ok: true });
    const own = execFileSync("ssh-keygen", ["-l", "-f", file]).toString();
    expect(own).toContain(shown.value.fingerprint);
  });

  test("another key, another password", async () => {
    const wrongKey = `SHA256:${"A".repeat(43)}`;
    const wrong = await hostAt({ ...server.config, host_key: wrongKey }).read([sa("x").entry]);
    expect(wrong).toMatchObject({ error: { code: "wrong-host-key" } });
    const file = path.join(temporaryFolder(), "password");
    writeFileSync(file, "wrong\n");
    const refused = await hostAt({ ...server.config, password_file: file }).read([sa("x").entry]);
    expect(refused).toMatchObject({ error: { code: "login-refused" } });
  });

  test("a server that is killed and comes back: the connection is made anew, without a word of ours", async () => {
    const host = hostAt(server.config);
    expect(await host.installAll([sa("before", { spi: 6000 })])).toEqual({ ok: true, value: null });
    await server.kill();
    expect(await host.read([sa("before").entry])).toMatchObject({ ok: false, error: { code: "host-unreachable" } });
    await server.up();
    expect(await host.installAll([sa("after", { spi: 6001 })])).toEqual({ ok: true, value: null });
    expect(await host.read([sa("before").entry, sa("after").entry])).toMatchObject({
      value: [{ isThere: false }, { isThere: true }],
    });
  });
});
