/** `qkd status`: every link and every relayed pair, and what their pools hold. */
import type * as v from "valibot";
import { LinkSchema } from "../../shared/api/schemas.ts";
import { BIT_STATES } from "../../shared/keypool/types.ts";
import { isRecord } from "../../shared/records.ts";
import { expectShape } from "../lib/answers.ts";
import type { Paint } from "../lib/colour.ts";
import type { Command, CommandContext } from "../lib/command.ts";
import { EXIT } from "../lib/failure.ts";
import { listLinks, noSuchLink } from "../lib/links.ts";
import { listPairs, type RelayedPair } from "../lib/pairs.ts";
import { COMMON_OPTIONS } from "../lib/settings.ts";
import { describeModule, QKD_COLUMNS, qkdCells } from "../lib/module-words.ts";
import { formatCount, renderTable } from "../lib/text.ts";

type Link = v.InferOutput<typeof LinkSchema>;

export const status: Command = {
  name: "status",
  summary: "show links and their key pools",
  positional: { name: "[LINK...]", min: 0, max: 100 },
  options: COMMON_OPTIONS,
  async run(context) {
    const { args, terminal, paint } = context;
    const links = await readLinks(context);
    const pairs = args.positionals.length === 0 ? await listPairs(context.api()) : [];
    if (args.flag("json"))
      terminal.line(JSON.stringify({ links, ...(args.positionals.length === 0 ? { pairs } : {}) }));
    else if (args.positionals.length === 0) {
      for (const line of [...linksTable(links, paint), ...pairsTable(pairs, paint)]) terminal.line(line);
    } else for (const line of links.flatMap((link) => describeLink(link, paint))) terminal.line(line);
    return EXIT.ok;
  },
};

async function readLinks({ args, api }: CommandContext): Promise<Link[]> {
  const known = await listLinks(api());
  for (const wanted of args.positionals) if (!known.includes(wanted)) throw noSuchLink(wanted, known);
  const wanted = args.positionals.length === 0 ? known : args.positionals;
  const answers: Link[] = [];
  for (const link of wanted) {
    // One after the other: a network may have thousands of links.
    answers.push(expectShape(LinkSchema, (await api().get(`/api/v1/links/${encodeURIComponent(link)}`)).json));
  }
  return answers;
}

const bitsOf = (link: Link, state: string): number => {
  const ledger = link.pool["ledger_bits"];
  const bits = isRecord(ledger) ? ledger[state] : undefined;
  return typeof bits === "number" ? bits : 0;
};

const textOf = (value: unknown): string => (typeof value === "string" ? value : "-");

/** `simulated` wherever any simulated bit ever entered, whatever the link's source. */
const sourceOf = (link: Link): string =>
  link.pool["simulated"] === true && link.source !== "simulated" ? `${link.source} + simulated` : link.source;

const SHOWN_STATES = ["available", "pending", "delivered", "quarantined"] as const;

function linksTable(links: readonly Link[], paint: Paint): string[] {
  const modules = links.some(({ module }) => module !== undefined) ? QKD_COLUMNS : [];
  const headings = [
    "link",
    "nodes",
    "source",
    "level",
    ...SHOWN_STATES.map((state) => `${state} bits`),
    ...modules,
    "conserved",
  ];
  const rows = links.map((link) => [
    link.link,
    link.nodes.join(" - "),
    sourceOf(link),
    paint(textOf(link.pool["level"])),
    ...SHOWN_STATES.map((state) => formatCount(bitsOf(link, state))),
    ...(modules.length === 0 ? [] : qkdCells(link)),
    link.pool["conserved"] === true ? "yes" : paint("NO"),
  ]);
  return renderTable(headings, rows, new Set([...SHOWN_STATES.map((state) => `${state} bits`), ...QKD_COLUMNS]));
}

/** Nothing where no key is relayed. */
function pairsTable(pairs: readonly RelayedPair[], paint: Paint): string[] {
  if (pairs.length === 0) return [];
  const headings = ["relayed pair", "paths", "state", "level", "available bits", "kept bytes", "alarms"];
  const rows = pairs.map((pool) => [
    pool.pair,
    String(pool.disjoint_paths),
    pool.state,
    paint(pool.level),
    formatCount(pool.available_bits),
    formatCount(pool.target_bytes),
    String(pool.alarms.length),
  ]);
  return ["", ...renderTable(headings, rows, new Set(["paths", "available bits", "kept bytes", "alarms"]))];
}

function describeLink(link: Link, paint: Paint): string[] {
  const states = BIT_STATES.filter((state) => bitsOf(link, state) > 0);
  const width = Math.max(0, ...states.map((state) => state.length));
  return [
    `${link.link}: ${link.nodes.join(" - ")}, ${sourceOf(link)}, ${link.feed}, health policy ${link.health_policy}`,
    `  state ${textOf(link.pool["state"])}, level ${paint(textOf(link.pool["level"]))}, custody ${textOf(link.pool["custody"])}`,
    ...states.map((state) => `  ${state.padEnd(width)}  ${formatCount(bitsOf(link, state))} bits`),
    ...(link.module ?? []).flatMap((module) => describeModule(module)),
    `  conserved: ${link.pool["conserved"] === true ? "yes, the states add up to what came in" : paint("NO")}`,
  ];
}
