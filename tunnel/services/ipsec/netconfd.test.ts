import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import type { ErrandLine, Operation } from "../../../shared/ipsec/errand.ts";
import { ok } from "../../../shared/result.ts";
import { createSad, GCM_256_BYTES, resultsOf, sadEntry, spdEntry } from "../../../test/support/ipsec-hosts.ts";
import { Netconfd, netconfdMissing } from "../../../test/support/netconf.ts";
import { makeNetconfHost } from "../netconf/make-netconf-host.ts";
import { Installer } from "./installer.ts";
import { HostWork } from "./operations.ts";

const WISH = { source: "", destination: "", keyBytes: GCM_256_BYTES, chunkBytes: GCM_256_BYTES, waitMs: 100 };
const create = (spi: number): Operation => createSad(spi, WISH);
const remove = (spi: number): Operation => ({ do: "delete", kind: "sad", name: sadEntry(spi).name, reqid: "1" });

const missing = netconfdMissing();

describe.skipIf(missing !== null)(`errands at netconfd${missing === null ? "" : ` (${missing})`}`, () => {
  let server: Netconfd;
  beforeAll(async () => (server = await Netconfd.start({ target: "candidate" })));
  afterAll(async () => await server.stop());

  function work() {
    const host = makeNetconfHost(server.config);
    const made = { ksid: "k", sources: ["QKD"], dropped: [], confirmed: true };
    const all = new HostWork({
      fetchKey: () => Promise.resolve(ok({ key: new Uint8Array(randomBytes(GCM_256_BYTES)), made })),
      installer: new Installer(host),
      nowMs: () => performance.now(),
      signal: new AbortController().signal,
    });
    onTestFinished(async () => {
      all.close();
      await host.close();
    });
    const run = async (operations: readonly Operation[]) => {
      const lines: ErrandLine[] = [];
      await all.do(operations, (line) => lines.push(line));
      return resultsOf(lines).map((result) => (result?.ok === false ? result.reason : "ok"));
    };
    const isThere = async (...spis: readonly number[]) => {
      const read = await host.read(spis.map((spi) => ({ kind: "sad", name: sadEntry(spi).name })));
      return read.ok ? read.value.map((each) => each.isThere && each.spi) : read.error;
    };
    return { run, isThere };
  }

  test("entries come and go; what is at fault, or there already, takes no other along", async () => {
    const { run, isThere } = work();
    expect(await run([{ do: "create-spd", entry: spdEntry("p") }, create(1000), create(1001)])).toEqual([
      "ok",
      "ok",
      "ok",
    ]);
    const faulty = { ...createSad(1003, WISH), entry: { ...sadEntry(1003), reqid: "many" } } as Operation;
    expect(await run([create(1001), create(1002), faulty])).toEqual(["exists", "ok", "host-refused"]);
    expect(await isThere(1000, 1001, 1002, 1003)).toEqual([1000, 1001, 1002, false]);
    expect(await run([remove(1000), remove(1003)])).toEqual(["ok", "ok"]);
    expect(await isThere(1000)).toEqual([false]);
  });

  test("a host that is killed, and back", async () => {
    const { run, isThere } = work();
    expect(await run([create(2000)])).toEqual(["ok"]);
    await server.kill();
    expect(["host-unreachable", "host-silent"]).toContain((await run([create(2001)]))[0]);
    await server.up();
    expect(await run([create(2001)])).toEqual(["ok"]);
    expect(await isThere(2001)).toEqual([2001]);
  });
});
