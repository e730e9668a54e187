/** A link whose key is made by two QKD modules, from the network document to keys for SAEs. */
import { evictDurableObject, runDurableObjectAlarm } from "cloudflare:test";
import { env } from "cloudflare:workers";
import * as v from "valibot";
import { beforeAll, expect, it } from "vitest";
import { LinkSchema } from "../../shared/api/schemas.ts";
import type { LinkId } from "../../shared/ids.ts";
import type { NetworkDocumentInput } from "../../shared/network/document.ts";
import { moduleName } from "../../shared/qkd-module/rpc.ts";
import { call, NETWORK, setUp } from "../../test/support/in-workerd-network.ts";
import type { ObjectsEnv } from "../env.ts";

const objects = env as unknown as ObjectsEnv;
const NODES = ["n2", "n3"] as const;
const LINK = "n2-n3" as LinkId;

/** A clear line, short blocks, pulses faster than anybody can follow. */
const SHORT = {
  loss_db: 0,
  misalignment: 0.0005,
  key_basis_probability: 0.4,
  key_basis_detections: 20_000,
  pulse_rate_hz: 1_000_000_000,
};

const networkOf = (members: object): NetworkDocumentInput => ({
  ...NETWORK,
  links: NETWORK.links.map((each) => (each.id === LINK ? { ...each, feed: "two-ended", ...members } : each)),
});

let version = 0;
async function put(members: object): Promise<void> {
  const { status } = await call("/api/v1/network", {
    as: "op",
    method: "PUT",
    headers: { "If-Match": `"${version}"` },
    body: JSON.stringify(networkOf(members)),
  });
  expect(status).toBe(200);
  version += 1;
}

// oxlint-disable-next-line typescript/no-explicit-any -- the test runtime wants its own stub type
const raw = (stub: unknown): any => stub;
const moduleAt = (node: string) => objects.QKD_MODULE.getByName(moduleName(LINK, node));

/** An object that was evicted may not answer the first call after it. */
async function link(): Promise<v.InferOutput<typeof LinkSchema>> {
  const answer = await call(`/api/v1/links/${LINK}`, { as: "op" });
  if (answer.status !== 503) return v.parse(LinkSchema, await answer.json());
  await answer.body?.cancel();
  return await link();
}
type State = Awaited<ReturnType<typeof link>>;

/** Runs the alarms of the Directory and the modules until the link is as told. */
async function until(isSo: (state: State) => boolean): Promise<State> {
  for (let turn = 0; ; turn++) {
    const state = await link();
    if (isSo(state)) return state;
    if (turn > 400)
      throw new Error(`never: ${JSON.stringify(state.module?.map(({ reports, ...rest }) => [rest, reports[0]]))}`);
    for (const stub of [objects.DIRECTORY.getByName("directory"), ...NODES.map(moduleAt)]) {
      await runDurableObjectAlarm(raw(stub));
    }
  }
}

const ingested = ({ pool }: State): number => Number(pool["ingested_bits"]);
const released = ({ module = [] }: State): number[] => module.map(({ blocks_released: blocks }) => blocks);
const codes = ({ alarms = [] }: State): string[] => alarms.map(({ code }) => code);

beforeAll(async () => {
  await setUp(0, networkOf({ source: "bb84", module: SHORT }));
  version = 1;
});

it("fills the pool with key that both ends made, compared there, and reports what the channel is like", async () => {
  const state = await until(
    (now) =>
      released(now).every((blocks) => blocks >= 2) &&
      ingested(now) > 0 &&
      now.module?.every(({ last_report: last }) => last?.outcome === "released") === true,
  );
  expect(state.module).toMatchObject([
    { node: "n2", role: "sender", sim: "bb84", alarms: [] },
    { node: "n3", role: "receiver", sim: "bb84", alarms: [] },
  ]);
  // Cascade leaves an error in one short block of some two hundred, which verification finds.
  const reports = state.module?.flatMap((end) => end.reports) ?? [];
  expect(reports.filter(({ outcome, reason }) => outcome !== "released" && reason !== "verification-failed")).toEqual(
    [],
  );
  const report = state.module?.[0]?.last_report;
  expect(report).toMatchObject({ outcome: "released", sifted_bits: SHORT.key_basis_detections });
  expect(report?.qber_x).toBeGreaterThan(0);
  expect(report?.qber_x).toBeLessThan(0.003);
  expect(report?.key_rate_bps).toBeGreaterThan(0);
  expect(state.pool["ledger_bits"]).toMatchObject({ quarantined: 0 });
  expect(state.pool["conserved"]).toBe(true);
  const keys = await call("/api/v1/keys/sae-d/enc_keys", { as: "sae-b" });
  expect(keys.status).toBe(200);
});

it("goes on after either end's object was evicted, without a block that only one end has", async () => {
  for (const node of NODES) {
    const before = released(await link()).map((blocks) => blocks + 2);
    await evictDurableObject(raw(moduleAt(node)));
    await until((now) => released(now).every((blocks, end) => blocks >= (before[end] ?? 0)));
  }
  const { module, pool } = await until(({ module: ends = [] }) => ends.every((end) => end.finished_blocks === 0));
  expect(module?.map(({ key_bits: bits }) => bits)[0]).toBe(module?.[1]?.key_bits);
  expect(Number((pool["ledger_bits"] as Record<string, number>)["quarantined"])).toBe(0);
});

it("Eve is an alarm at both ends, hot; without her there is key again; an operator clears it", async () => {
  await put({ source: "bb84", module: { ...SHORT, eve_share: 0.5 } });
  const tapped = await until((now) => codes(now).filter((code) => code === "qber-above-bound").length === 2);
  expect(tapped.module?.[0]?.last_report?.qber_z).toBeGreaterThan(0.08);
  await put({ source: "bb84", module: SHORT });
  const before = released(tapped);
  const state = await until((now) => released(now).every((blocks, end) => blocks > (before[end] ?? 0)));
  expect(codes(state)).toContain("qber-above-bound");
  const path = `/api/v1/links/${LINK}/alarms/qber-above-bound`;
  expect(await (await call(path, { as: "op", method: "DELETE" })).json()).toEqual({ cleared: 2 });
  expect(codes(await link())).not.toContain("qber-above-bound");
});

it("stops where there is enough key", async () => {
  await put({ source: "bb84", module: { ...SHORT, max_key_count: 1 } });
  await until(({ module = [] }) => module[0]?.state === "full");
});

it("changes to fake keys and away", async () => {
  await put({ source: "fake", key_rate_bps: 1_000_000_000 });
  const state = await until(({ module = [] }) =>
    module.every(({ sim, last_report: last }) => sim === "fake" && last?.qber_x === null),
  );
  expect(state.module?.[1]?.last_report?.key_bits).toBeGreaterThan(0);
  await put({ source: "push" });
  const { module } = await until((now) => now.module === undefined);
  expect(module).toBeUndefined();
  await until(() => true);
});
