/** `qkd ipsec tunnel A B`: both ends' policies and SAs, made here and posted to both nodes at once; no controller needed. */
import { randomBytes, randomInt } from "node:crypto";
import { newSpi } from "../../shared/ipsec/rekey.ts";
import type { Lifetime } from "../../shared/ipsec/model.ts";
import type { EndEntries } from "../../shared/ipsec/tunnel-entries.ts";
import { makesAnew, rekeyOf } from "../../shared/ipsec/view.ts";
import type { NodeIpsec } from "../../shared/network/node-ipsec.ts";
import type { Api } from "../lib/api.ts";
import type { Args } from "../lib/args.ts";
import type { Command } from "../lib/command.ts";
import { CliFailure } from "../lib/failure.ts";
import { type IpsecNode, elsewhere, listIpsecNodes, noIpsecHost, readIpsec, sendEntries } from "../lib/ipsec.ts";
import { reportBatches, WAIT, WAIT_NOTE, waitWanted } from "../lib/ipsec-batches.ts";
import { tunnelBetween, type TunnelOf } from "../lib/ipsec-tunnel.ts";
import { COMMON_OPTIONS } from "../lib/settings.ts";
import { didYouMean } from "../lib/suggest.ts";

const SECONDS_MOST = 4_294_967_295;
const REQID_MOST = 4_294_967_295;
/** Below this for those made here: whoever numbers by hand begins low. */
const REQID_OWN_LEAST = 100_000;
/** Of an SA that is made anew by itself, where nothing is said. */
const REKEYED = { hardS: 3600, softS: 3000 } as const;
const SPI_BYTES = 64;

export const ipsecTunnel: Command = {
  name: "ipsec tunnel",
  summary: "set up IPsec between two nodes' hosts, without a controller: policies and keyed SAs at both",
  positional: { name: "A B", min: 2, max: 2 },
  options: {
    mode: {
      type: "string",
      value: "<transport|tunnel>",
      help: "between the two hosts, or for what is behind them (required)",
    },
    enc: {
      type: "string",
      value: "<name>",
      help: "aes-gcm-16-256, aes-cbc-256, chacha20-poly1305 ...: algorithm and bits of its key (required)",
    },
    integrity: {
      type: "string",
      value: "<name>",
      help: "hmac-sha2-256-128 ...: where enc does not authenticate itself",
    },
    soft: { type: "string", value: "<s>", help: "soft lifetime of the SAs in seconds (default: none)" },
    hard: { type: "string", value: "<s>", help: "hard lifetime: then they end (default: none)" },
    rekey: {
      type: "boolean",
      help: `they shall be made anew by themselves; lifetimes are ${REKEYED.softS} and ${REKEYED.hardS} s unless given`,
    },
    reqid: { type: "string", value: "<n>", help: "by which policies and SAs belong together (default: a random one)" },
    local: { type: "string", value: "<address>", help: "mode tunnel: A's host, from which packets travel" },
    remote: { type: "string", value: "<address>", help: "mode tunnel: B's host" },
    "local-prefix": { type: "string", value: "<prefix>", help: "of A, where it has several in the network document" },
    "remote-prefix": { type: "string", value: "<prefix>", help: "of B" },
    ...WAIT,
    ...COMMON_OPTIONS,
  },
  notes: [
    "A and B are nodes with an IPsec host (ipsec list). What keys are made of is as set for the two (createqkd), else",
    "ML-KEM-512 and QKD. Whether SAs are made anew is `ipsec.rekey` of both nodes in the network document: --rekey makes",
    "sure that they are.",
    ...WAIT_NOTE,
    "",
    "Example: npm run qkd -- ipsec tunnel tn-1 tn-2 --mode transport --enc aes-gcm-16-256",
    "         npm run qkd -- ipsec tunnel tn-1 tn-2 --mode tunnel --enc aes-cbc-256 --integrity hmac-sha2-256-128 \\",
    "           --local 192.0.2.1 --remote 192.0.2.2 --hard 3600 --soft 3000",
  ],
  async run(context) {
    const { args, terminal, api } = context;
    const wanted = wantedOf(args);
    const waitS = waitWanted(args);
    const [one = "", other = ""] = args.positionals;
    const [a, b] = await bothNodes(api(), one, other);
    const tunnel = tunnelBetween(a, b, wanted);
    if (!tunnel.ok) throw new CliFailure(tunnel.error);
    const passive = [a, b].filter(({ ipsec }) => !makesTunnelAnew(ipsec, tunnel.value[0]));
    if (args.flag("rekey") && passive.length > 0) throw noRekey(passive);
    if (wanted.hard.time !== undefined && passive.length > 0) {
      terminal.note(`in ${wanted.hard.time} s the SAs end, and nobody makes them anew: ipsec.rekey of both nodes does`);
    }
    const [ofA, ofB] = tunnel.value;
    await Promise.all([refuseSecond(api(), one, ofA), refuseSecond(api(), other, ofB)]);
    const sent = [post(api(), one, ofA, waitS), post(api(), other, ofB, waitS)];
    const answers = await Promise.allSettled(sent);
    const batches = answers.flatMap((answer) => (answer.status === "fulfilled" ? [answer.value] : []));
    const code = reportBatches(context, batches, waitS);
    // After what the other end said: that one may have entries now.
    for (const answer of answers) if (answer.status === "rejected") throw answer.reason;
    return code;
  },
};

/** Of one there is already: its policies would stay, and the new SAs would belong to none. @throws CliFailure */
async function refuseSecond(api: Api, node: string, { spd }: EndEntries): Promise<void> {
  const { entries } = await readIpsec(api, node);
  const names = new Set(spd.map(({ name }) => name));
  const there = entries.find(({ kind, name, state }) => kind === "spd" && state !== "failed" && names.has(name ?? ""));
  if (there === undefined) return;
  throw new CliFailure(
    `${node} has a policy "${there.name}" already`,
    "`qkd ipsec rekey` makes the SAs of a tunnel anew; `qkd ipsec delete` takes it away, at both nodes",
  );
}

async function post(api: Api, node: string, { spd, sad }: EndEntries, waitS: number) {
  const entries = [...spd.map((entry) => ({ "spd-entry": entry })), ...sad.map((entry) => ({ "sad-entry": entry }))];
  return { node, batch: await sendEntries(api, { method: "POST", node, body: JSON.stringify(entries), waitS }) };
}

async function bothNodes(api: Api, one: string, other: string): Promise<readonly [a: IpsecNode, b: IpsecNode]> {
  if (one === other) throw new CliFailure("A and B are the same node");
  const known = await listIpsecNodes(api);
  const find = async (node: string): Promise<IpsecNode> => {
    const found = known.find((each) => each.node === node);
    if (found === undefined) throw await noIpsecHost(api, node);
    if (found.isElsewhere) throw elsewhere(node);
    return found;
  };
  return [await find(one), await find(other)];
}

const makesTunnelAnew = (ipsec: NodeIpsec, { sad }: EndEntries): boolean =>
  sad.every((entry) => {
    const selector = entry["ipsec-sa-config"]["traffic-selector"];
    const [sourcePrefix, destinationPrefix] = [selector["local-prefix"], selector["remote-prefix"]];
    return makesAnew({ rekey: rekeyOf(ipsec) }, { sourcePrefix, destinationPrefix });
  });

function noRekey(nodes: readonly IpsecNode[]): CliFailure {
  const names = nodes.map(({ node }) => node).join(" and ");
  return new CliFailure(
    `--rekey: ${names} ${nodes.length === 1 ? "does" : "do"} not make SAs of this tunnel anew`,
    '"ipsec": { "rekey": true } of both nodes in the network document (network show, network apply)',
  );
}

function wantedOf(args: Args): TunnelOf {
  const mode = args.required("mode");
  if (mode !== "transport" && mode !== "tunnel") {
    const meant = didYouMean(mode, ["transport", "tunnel"]);
    throw new CliFailure(`--mode shall be transport or tunnel, not "${mode.slice(0, 40)}".${meant}`);
  }
  if (mode === "transport" && (args.text("local") ?? args.text("remote")) !== undefined) {
    throw new CliFailure("--local and --remote go with --mode tunnel");
  }
  const reqid = args.wholeNumber("reqid", 1, REQID_MOST) ?? randomInt(REQID_OWN_LEAST, REQID_MOST);
  return {
    mode,
    enc: args.required("enc"),
    integrity: args.text("integrity") ?? null,
    ...lifetimesOf(args),
    reqid: String(reqid),
    spis: [anySpi(), anySpi()],
    prefixes: [args.text("local-prefix") ?? null, args.text("remote-prefix") ?? null],
    addresses: [args.text("local") ?? null, args.text("remote") ?? null],
  };
}

function lifetimesOf(args: Args): { readonly hard: Lifetime; readonly soft: Lifetime } {
  const [saidHardS, saidSoftS] = ["hard", "soft"].map((name) => args.wholeNumber(name, 1, SECONDS_MOST));
  const isUsual = args.flag("rekey") && saidHardS === undefined && saidSoftS === undefined;
  const hardS = isUsual ? REKEYED.hardS : saidHardS;
  const softS = isUsual ? REKEYED.softS : saidSoftS;
  if (hardS !== undefined && softS !== undefined && softS >= hardS) {
    throw new CliFailure(`--soft ${softS} shall be below --hard ${hardS}: in between they are made anew`);
  }
  return { hard: seconds(hardS), soft: seconds(softS) };
}

const seconds = (time: number | undefined): Lifetime => (time === undefined ? {} : { time });

/** Of 64 bytes: that none of their SPIs is a free one does not happen. */
function anySpi(): number {
  const spi = newSpi(randomBytes(SPI_BYTES), new Set());
  if (spi === null) throw new CliFailure("no SPI could be drawn");
  return spi;
}
