/** `qkd links|pools|tunnels|streams`: tables of what the deployment's monitor sees at present. */
import {
  type MonitorLink,
  type MonitorPair,
  type MonitorSite,
  type MonitorStream,
  type MonitorView,
  MonitorViewSchema,
} from "../../shared/api/monitor-schemas.ts";
import { expectShape } from "../lib/answers.ts";
import type { Paint } from "../lib/colour.ts";
import type { Command } from "../lib/command.ts";
import { CliFailure, EXIT } from "../lib/failure.ts";
import { COMMON_OPTIONS } from "../lib/settings.ts";
import { didYouMean } from "../lib/suggest.ts";
import { formatCount, formatSeconds, renderTable } from "../lib/text.ts";

const MAX_NAMED = 100;

/** What one of these commands shows: entities of the view, a row or more for each. */
interface Shown<Entity> {
  readonly name: string;
  readonly summary: string;
  /** What one of them is called. */
  readonly noun: string;
  readonly entities: (view: MonitorView) => readonly Entity[];
  readonly headings: readonly string[];
  readonly right: readonly string[];
  readonly rows: (entity: Entity, paint: Paint) => readonly (readonly string[])[];
  readonly notes: readonly string[];
}

interface Named {
  readonly id: string;
  readonly health?: string;
  readonly reasons?: readonly string[];
}

function viewCommand<Entity extends Named>(shown: Shown<Entity>): Command {
  const { name, summary, noun, entities, headings, right, rows, notes } = shown;
  return {
    name,
    summary,
    positional: { name: `[${noun.toUpperCase()}...]`, min: 0, max: MAX_NAMED },
    options: COMMON_OPTIONS,
    notes,
    async run({ args, terminal, paint, api }) {
      const view = expectShape(MonitorViewSchema, (await api().get("/api/v1/monitor")).json);
      const wanted = only(noun, entities(view), args.positionals);
      if (args.flag("json")) terminal.line(JSON.stringify({ at: view.at, [name]: wanted }));
      else if (wanted.length === 0) terminal.line(`no ${noun}`);
      else {
        const table = wanted.flatMap((entity) => rows(entity, paint));
        for (const line of renderTable(headings, table, new Set(right))) terminal.line(line);
        for (const line of wanted.flatMap((entity) => reasonsOf(entity, paint))) terminal.line(line);
      }
      return EXIT.ok;
    },
  };
}

/** @throws CliFailure naming the one that was meant, perhaps */
function only<Entity extends Named>(noun: string, all: readonly Entity[], ids: readonly string[]): readonly Entity[] {
  if (ids.length === 0) return all;
  return ids.map((id) => {
    const found = all.find((entity) => entity.id === id);
    if (found !== undefined) return found;
    const known = all.map((entity) => entity.id);
    throw new CliFailure(`no ${noun} "${id.slice(0, 80)}".${didYouMean(id, known)}`);
  });
}

const reasonsOf = ({ id, health = "", reasons = [] }: Named, paint: Paint): readonly string[] =>
  reasons.map((reason) => `${id} is ${paint(health)}: ${reason}`);

const figure = (value: number | null): string => (value === null ? "-" : formatCount(Math.round(value)));
const emptyIn = (seconds: number | null): string => (seconds === null ? "-" : formatSeconds(seconds));
const percent = (share: number | null): string => (share === null ? "-" : `${(100 * share).toFixed(2)} %`);
const sourceOf = ({ source, simulated }: MonitorLink): string =>
  simulated === true && source !== "simulated" ? `${source} + simulated` : source;

const NOTES = [
  "Rates are measured: what came in, and what went out. It is the monitor's latest sample; the first one takes a moment.",
] as const;

const links = viewCommand<MonitorLink>({
  name: "links",
  summary: "show links: health, rates, QBER, how long their key lasts",
  noun: "link",
  entities: (view) => view.links,
  headings: [
    "link",
    "nodes",
    "health",
    "source",
    "level",
    "available bits",
    "in bit/s",
    "out bit/s",
    "empty in",
    "QBER",
    "alarms",
  ],
  right: ["available bits", "in bit/s", "out bit/s", "QBER", "alarms"],
  rows: (link, paint) => [
    [
      link.id,
      link.nodes.join(" - "),
      paint(link.health),
      sourceOf(link),
      paint(link.level ?? "unknown"),
      figure(link.available_bits),
      figure(link.key_rate_bps),
      figure(link.use_rate_bps),
      emptyIn(link.empty_in_s),
      percent(link.qber),
      String(link.alarms),
    ],
  ],
  notes: [...NOTES, "`qkd status LINK` tells a link's ledger and its modules' last blocks."],
});

/** Of a link, or of relayed key: what it shall hold differs. */
type Pool = MonitorLink | MonitorPair;

const boundsOf = (pool: Pool): readonly string[] =>
  "target_bits" in pool
    ? [figure(pool.target_bits), "-", "-"]
    : [pool.low_bits, pool.high_bits, pool.capacity_bits].map(figure);

const conservedOf = (pool: Pool): string =>
  !("conserved" in pool) || pool.conserved === null ? "-" : pool.conserved ? "yes" : "NO";

const pools = viewCommand<Pool>({
  name: "pools",
  summary: "show key pools, of links and of relayed key: levels, watermarks, whether the ledger adds up",
  noun: "pool",
  entities: (view) => [...view.links, ...view.pairs],
  headings: ["pool", "nodes", "level", "available bits", "low", "high", "capacity", "empty in", "conserved"],
  right: ["available bits", "low", "high", "capacity"],
  rows: (pool, paint) => [
    [
      pool.id,
      pool.nodes.join(" - "),
      paint(pool.level ?? "unknown"),
      figure(pool.available_bits),
      ...boundsOf(pool),
      emptyIn(pool.empty_in_s),
      paint(conservedOf(pool)),
    ],
  ],
  notes: [...NOTES, "A pool of relayed key (tn-1|tn-4#60) has one mark: what is kept at hand."],
});

const tunnels = viewCommand<MonitorSite>({
  name: "tunnels",
  summary: "show the sites' tunnels: which agents are connected, what they carry",
  noun: "site",
  entities: (view) => view.sites,
  headings: ["site", "nodes", "health", "agent", "state", "since", "streams", "waiting bytes", "services"],
  right: ["streams", "waiting bytes"],
  rows: (site, paint) => {
    const agents = site.agents?.length ? site.agents : [{ agent: "-", state: "-", connected_since: null }];
    return agents.map(({ agent, state, connected_since: since }, index) => [
      ...(index === 0 ? [site.id, site.nodes.join(" "), paint(site.health)] : ["", "", ""]),
      agent,
      paint(state),
      since ?? "-",
      ...(index === 0 ? [figure(site.streams), figure(site.waiting_bytes), site.services?.join(" ") || "-"] : []),
    ]);
  },
  notes: ["Tunnels of IPsec, whose keys are made here, are another matter: `qkd ipsec list`."],
});

const streams = viewCommand<MonitorStream>({
  name: "streams",
  summary: "show the key streams of ETSI GS QKD 004 that are open",
  noun: "stream",
  entities: (view) => view.streams,
  headings: ["KSID", "nodes", "SAEs", "chunk bytes", "delivered"],
  right: ["chunk bytes", "delivered"],
  rows: (stream) => [
    [
      stream.id,
      stream.nodes.join(" - "),
      stream.saes.map((sae) => sae ?? "?").join(" - "),
      figure(stream.chunk_bytes),
      figure(stream.delivered_chunks),
    ],
  ],
  notes: ["`qkd stream run` opens some, reads them and compares both ends."],
});

export const viewCommands: readonly Command[] = [links, pools, tunnels, streams];
