import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import type { NetworkDocument } from "../../shared/network/document.ts";
import { loadConfig } from "../../tunnel/agent/config/load.ts";
import { DEMO_TOKEN_NAMES } from "../demo/network.ts";
import { agentToml, inboxes, type SitePlan, sitePlans } from "./agent-files.ts";
import { demoWanted } from "./secrets.ts";

const tokens = Object.fromEntries(DEMO_TOKEN_NAMES.map((name) => [name, `token of ${name}`]));
const fed: NetworkDocument = demoWanted(tokens, true).document;

/** With what TOML has to escape. */
const AGENTS = String.raw`/a "b"\c`;

const HYBRID = ["b", "c"].map((letter) => ({
  site: `site-${letter}`,
  id: `node-${letter}`,
  uuid: `${letter.repeat(8)}-0000-4000-8000-000000000000`,
}));

/** What the agent makes of it. */
function configOf(plan: SitePlan) {
  const folder = mkdtempSync(join(tmpdir(), "qkd-agents-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "agent.toml");
  const device = { a: "http://127.0.0.1:1000", b: "http://127.0.0.1:2000" };
  const authority = { ca: "/certs/ca.crt", ca_key: "/certs/ca.key" };
  const around = { edge: "http://127.0.0.1:8787", authority, hybrid: HYBRID, agents: AGENTS, device };
  writeFileSync(file, agentToml(plan, around));
  return { folder, config: loadConfig(file) };
}

const inbox = (site: string): string => `${AGENTS}/${site}/inbox-tn-2-tn-3`;

test("a site's nodes, and those of the others, may share hybrid keys", () => {
  const [plan] = sitePlans(fed);
  const { folder, config } = configOf(plan!);
  const [own, other] = HYBRID;
  expect(config.hybrid).toMatchObject({
    node: [{ id: own?.id, uuid: own?.uuid }],
    peer: [{ uuid: other?.uuid, site: other?.site, allow_seed_fallback: false }],
  });
  expect(config.certificate).toMatchObject({ cert: join(folder, "site.crt"), ca: "/certs/ca.crt" });
});

test("two sites feed one link from two devices, each from its own end", () => {
  const plans = sitePlans(fed);
  expect(plans.map(({ site, tokenName }) => [site, tokenName])).toEqual([
    ["site-b", "enrol-agent-tn-2"],
    ["site-c", "enrol-agent-tn-3"],
  ]);
  const [one, two] = plans.map((plan) => configOf(plan).config.feed);
  expect(one).toMatchObject([
    { link: "tn-2-tn-3", node: "tn-2", type: "directory", path: inbox("site-b") },
    { link: "tn-2-tn-3", node: "tn-2", role: "enc", url: "http://127.0.0.1:1000", peer_sae: "agent-b" },
  ]);
  expect(two).toMatchObject([
    { link: "tn-2-tn-3", node: "tn-3", type: "directory", path: inbox("site-c") },
    { link: "tn-2-tn-3", node: "tn-3", role: "dec", url: "http://127.0.0.1:2000", peer_sae: "agent-a" },
  ]);
  expect(inboxes(AGENTS, plans)).toEqual(["site-b", "site-c"].map(inbox));
});

test("an agent keeps all it has in its own folder", () => {
  const { folder, config } = configOf(sitePlans(fed)[0] ?? expect.unreachable());
  expect(config).toMatchObject({ site: "site-b", state: join(folder, "state"), token_file: join(folder, "token") });
  expect(config.log.file?.path).toBe(join(folder, "agent.log"));
});

test("a link that lives on something else is not fed", () => {
  expect(sitePlans(demoWanted(tokens).document)).toEqual([]);
  const links = fed.links.map((link) => ({ ...link, feed: "one-ended" as const }));
  expect(sitePlans({ ...fed, links })).toEqual([]);
});
