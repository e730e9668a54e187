/** What the command line gives to the cases: by options for anybody's key managers, else from the state folder of `npm start`. */
import { existsSync } from "node:fs";
import path from "node:path";
import type { Qos } from "../../../shared/etsi004/qos.ts";
import { defined } from "../../../shared/records.ts";
import { type Args, type OptionTable, parseWholeNumber } from "../../lib/args.ts";
import { CliFailure } from "../../lib/failure.ts";
import { checkEdge, readJson, readText, readTokenFile, stateFolder, type Surroundings } from "../../lib/settings.ts";
import { byShell } from "../run-by-shell.ts";
import { type Access, tcpAddress } from "./reach.ts";
import { type Ports, type RunningTarget, runningTargets } from "./running.ts";
import { type Applicant, type Place, PLACES, type Target } from "./stage.ts";
import { isSuiteName, type SuiteName, SUITES } from "./suites.ts";

const NAMES = Object.keys(SUITES);
const ENDS = ["a", "b", "c", "d"] as const;
type End = (typeof ENDS)[number];
const WHO: Readonly<Record<End, string>> = {
  a: "A",
  b: "B, its peer",
  c: "C, who has no part in their streams",
  d: "D, C's peer",
};

const text = (value: string, help: string) => ({ type: "string", value, help }) as const;

const ofEnd = (end: End) => [
  [end, text("<url>", `where ${WHO[end]} asks: a URL; host:port or tls://host:port for json-tcp and binary`)],
  [`sae-${end}`, text("<id>", "its SAE ID")],
  [`node-${end}`, text("<id>", "its node's name or UUID, or (open-qkd-network) its site (default: the SAE's ID)")],
  [`address-${end}`, text("<uri>", "its source or destination (default: what clients of the binding make of these)")],
  [`token-file-${end}`, text("<file>", "its bearer token, or a tokens.json that has one of its SAE ID")],
  [`cert-${end}`, text("<file>", "PEM: its certificate")],
  [`key-${end}`, text("<file>", "PEM: its key")],
  [`tokens-at-${end}`, text("<url>", "open-qkd-network: where its tokens are issued (default: where it asks)")],
];

export const GIVEN_OPTIONS: OptionTable = {
  binding: text("<name>", `which: ${NAMES.join(", ")} (default: all that a running \`npm start\` serves)`),
  ...Object.fromEntries(ENDS.flatMap(ofEnd)),
  ca: text("<file>", "PEM: the authority of the servers' certificates"),
  qos: text("<list>", "what streams ask for unless a case says otherwise: Min_bps=5000,Timeout=5000"),
  ksids: text("<n>", "how many KSIDs 004-30 has allocated (default 1000)"),
  "drain-command": text(
    "<command>",
    "what empties the pool of the two nodes, and stops what fills it; run by the shell",
  ),
  "cut-command": text("<command>", "what takes the link between the two nodes away"),
  "restore-command": text("<command>", "what undoes either"),
  state: text("<dir>", "state folder of `npm start` (default .qkd)"),
};

const PLACE_OPTIONS = { drained: "drain-command", cut: "cut-command" } as const satisfies Record<Place, string>;
const MAX_KSIDS = 100_000;
const MAX_UINT32 = 2 ** 32 - 1;
const QOS_NAMES = {
  Key_chunk_size: "chunkBytes",
  Max_bps: "maxBps",
  Min_bps: "minBps",
  Jitter: "jitterBps",
  Priority: "priority",
  Timeout: "timeoutMs",
  TTL: "ttlSeconds",
} as const satisfies Readonly<Record<string, keyof Qos>>;

/** How a key manager is reached, and what says where it is. */
const WAYS = {
  http: { isAt: (at: string) => /^https?:$/.test(URL.parse(at)?.protocol ?? ""), words: "an http or https URL" },
  tcp: {
    isAt: (at: string) => tcpAddress(at) !== null,
    words: "host:port or tls://host:port with a port from 1 to 65535",
  },
} as const;

/** What to examine, one after the other. @throws CliFailure naming the option that is missing or wrong */
export function targetsBy(args: Args, around: Surroundings): readonly Pick<RunningTarget, "suite" | "by" | "target">[] {
  const suite = suiteBy(args);
  const more = moreBy(args, around);
  if (args.text("a") !== undefined) {
    if (suite === undefined) throw new CliFailure("--binding is required with --a", `there are: ${NAMES.join(", ")}`);
    return [{ suite, by: "edge", target: { ...fromOptions(suite, args, around), ...more } }];
  }
  const running = fromState(args, around).filter((each) => suite === undefined || each.suite === suite);
  if (running.length === 0) throw new CliFailure(`what runs here does not serve ${suite}`);
  return running.map(({ target, ...rest }) => ({ ...rest, target: { ...target, ...more } }));
}

function suiteBy(args: Args): SuiteName | undefined {
  const name = args.text("binding");
  if (name === undefined || isSuiteName(name)) return name;
  throw new CliFailure(`there is no binding "${name.slice(0, 40)}"`, `there are: ${NAMES.join(", ")}`);
}

/** What is the same for all bindings. */
function moreBy(args: Args, { cwd }: Surroundings): Pick<Target, "places" | "ksids"> {
  const restore = args.text("restore-command");
  const places = PLACES.flatMap((place) => {
    const option = PLACE_OPTIONS[place];
    const command = args.text(option);
    if (command === undefined) return [];
    if (restore === undefined) throw new CliFailure(`--${option} needs --restore-command`);
    const inIt = async (work: () => Promise<void>, signal: AbortSignal): Promise<void> => {
      try {
        await byShell(option, command, cwd)(signal);
        await work();
      } finally {
        // Whatever broke the case off.
        await byShell("restore-command", restore, cwd)();
      }
    };
    return [[place, inIt]];
  });
  const ksids = args.wholeNumber("ksids", 1, MAX_KSIDS);
  return { places: Object.fromEntries(places) as Target["places"] & object, ...(ksids === undefined ? {} : { ksids }) };
}

function fromOptions(suite: SuiteName, args: Args, around: Surroundings): Target {
  const [c, d] = [args.text("c"), args.text("d")];
  if ((c === undefined) !== (d === undefined)) throw new CliFailure("--c and --d go together");
  const end = (letter: End): Applicant => applicant(suite, letter, args, around);
  const { binding } = SUITES[suite];
  const hasOthers = c !== undefined && binding !== null;
  return { a: end("a"), b: end("b"), ...(hasOthers ? { others: { binding, c: end("c"), d: end("d") } } : {}) };
}

function applicant(suite: SuiteName, end: End, args: Args, around: Surroundings): Applicant {
  const isSite = suite === "open-qkd-network";
  const node = args.text(`node-${end}`);
  const sae = isSite ? (args.text(`sae-${end}`) ?? args.required(`node-${end}`)) : args.required(`sae-${end}`);
  const address = args.text(`address-${end}`);
  return {
    sae,
    node: node ?? sae,
    ...(address === undefined ? {} : { address }),
    qos: qosBy(args.text("qos")),
    access: accessBy(suite, end, sae, args, around),
  };
}

function accessBy(suite: SuiteName, end: End, sae: string, args: Args, { cwd }: Surroundings): Access {
  const file = (name: string): string | undefined => {
    const given = args.text(name);
    return given === undefined ? undefined : path.resolve(cwd, given);
  };
  const pem = (name: string): string | undefined => {
    const named = file(name);
    return named === undefined ? undefined : readText(named);
  };
  const at = args.required(end);
  const { isAt, words } = WAYS[SUITES[suite].over];
  if (!isAt(at)) throw new CliFailure(`--${end} is not ${words}`);
  const [cert, key] = [pem(`cert-${end}`), pem(`key-${end}`)];
  if ((cert === undefined) !== (key === undefined)) throw new CliFailure(`--cert-${end} and --key-${end} go together`);
  const tokens = file(`token-file-${end}`);
  if (tokens !== undefined) checkEdge(at);
  const token = tokens === undefined ? undefined : readTokenFile(tokens, sae);
  return { at, ...defined({ token, cert, key, ca: pem("ca"), tokensAt: args.text(`tokens-at-${end}`) }) };
}

/** @throws CliFailure naming what is wrong */
function qosBy(list: string | undefined): Partial<Qos> {
  const members = (list ?? "").split(",").filter((each) => each !== "");
  return Object.fromEntries(
    members.map((member) => {
      const [name = "", value = ""] = member.split("=");
      if (!Object.hasOwn(QOS_NAMES, name)) {
        throw new CliFailure(
          `--qos: no member "${name.slice(0, 40)}"`,
          `there are: ${Object.keys(QOS_NAMES).join(", ")}`,
        );
      }
      return [QOS_NAMES[name as keyof typeof QOS_NAMES], parseWholeNumber(`--qos ${name}`, value, 0, MAX_UINT32)];
    }),
  );
}

function fromState(args: Args, around: Surroundings): readonly RunningTarget[] {
  const state = stateFolder(args, around);
  const [ports, tokens] = ["ports.json", "tokens.json"].map((name) => path.join(state, name));
  if (ports === undefined || tokens === undefined || !existsSync(ports) || !existsSync(tokens)) {
    const hint = "give --binding, --a, --b, --sae-a and --sae-b, or run `npm start`";
    throw new CliFailure(`nothing to examine: no ports.json and tokens.json in ${state}`, hint);
  }
  return runningTargets(readJson(ports) as Ports, readJson(tokens) as Readonly<Record<string, string>>);
}
