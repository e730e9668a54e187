import { expect, test } from "vitest";
import type { Ksid } from "../../../shared/etsi004/types.ts";
import type { Source } from "../../../shared/hybrid/types.ts";
import { LIMITS } from "../../../shared/limits.ts";
import { err, ok } from "../../../shared/result.ts";
import type { ModuleWish } from "./agreement.ts";
import type { Seen } from "./reports.ts";
import { SessionReports } from "./session-reports.ts";
import { SessionWithModule } from "./session-with-module.ts";

const KSID = "11111111-2222-4333-8444-555555555555" as Ksid;
const SOURCES = (["ML-KEM-512", "HQC-128", "QKD"] as const).map((algorithm, slot): Source => ({
  algorithm,
  slot,
  required: false,
}));
const WISH: ModuleWish = {
  source: "hybrid://a",
  destination: "hybrid://b",
  method: "xoring",
  sources: SOURCES,
  chunkBytes: 32,
  timeoutMs: 1000,
  own: { sae: "sae-a", node: "tn-1", uuid: "aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa" },
  role: "initiator",
  allowShort: false,
  peer: {
    uuid: "bbbbbbbb-bbbb-bbbb-bbbb-bbbbbbbbbbbb",
    module: { host: "127.0.0.1", port: 3001 },
    seedFile: null,
    zeroIsNext: false,
  },
};
const OF = { ksid: KSID, node: WISH.own.uuid, peer: WISH.peer.uuid, method: "xoring" };

function heard() {
  const seen: Seen[] = [];
  return { seen, reports: { tell: (one: Seen) => void seen.push(one) } };
}

test("each set of sources once, that the ends differ once, a seed each time", () => {
  const { seen, reports } = heard();
  const session = new SessionReports(reports, { ...WISH, ksid: KSID });
  for (const sources of [["QKD"], [], ["QKD"], ["QKD", "HQC-128"], ["QKD"]]) session.dropped(sources);
  for (let n = 0; n < 2; n++) {
    session.notConfirmed();
    session.seedUsed(["QKD"]);
  }
  expect(seen).toEqual([
    { ...OF, act: "hybrid.source-dropped", sources: ["QKD"] },
    { ...OF, act: "hybrid.source-dropped", sources: ["QKD", "HQC-128"] },
    { ...OF, act: "hybrid.not-confirmed", sources: ["ML-KEM-512", "HQC-128", "QKD"] },
    { ...OF, act: "hybrid.seed-fallback", sources: ["QKD"] },
    { ...OF, act: "hybrid.seed-fallback", sources: ["QKD"] },
  ]);
});

test("with more sets than are remembered, those are told again, not kept without end", () => {
  const { seen, reports } = heard();
  const session = new SessionReports(reports, { ...WISH, ksid: KSID });
  const sets = Array.from({ length: LIMITS.hybridSources + 1 }, (_, n) => [`K-${n}`]);
  for (let round = 0; round < 2; round++) for (const set of sets) session.dropped(set);
  expect(seen).toHaveLength(sets.length + 1);
});

const secrets = () => Promise.resolve(ok([{ slot: 0, secret: new Uint8Array(32).fill(1) }]));

test("a module's keys: what both ends left out, and the seed's key in place of a second source", async () => {
  const { seen, reports } = heard();
  const dropped = SOURCES.slice(1, 2);
  const session = new SessionWithModule({
    wish: WISH,
    method: "xoring",
    seed: "a seed that two sites share",
    session: { ksid: KSID, dropped, secrets, close: () => {} },
    qkd: {
      key: () => Promise.resolve(err("no QKD key")),
      close: () => Promise.resolve(),
    },
    reports,
    nowMs: () => performance.now(),
  });
  const never = new AbortController().signal;
  for (const index of [0, 1]) {
    const got = await session.getKey(index, never);
    expect(got.ok ? JSON.parse(got.value.metadata) : got).toMatchObject({
      seedFallback: true,
      sources: ["ML-KEM-512"],
    });
  }
  expect(seen).toEqual([
    { ...OF, act: "hybrid.source-dropped", sources: ["HQC-128", "QKD"] },
    { ...OF, act: "hybrid.seed-fallback", sources: ["ML-KEM-512"] },
    { ...OF, act: "hybrid.seed-fallback", sources: ["ML-KEM-512"] },
  ]);
});
