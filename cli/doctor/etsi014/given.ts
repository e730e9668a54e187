/** What the command line gives to the cases: by options for anybody's KMEs, else from the state folder of `npm start`. */
import path from "node:path";
import { defined, isRecord } from "../../../shared/records.ts";
import { type Args, type OptionTable } from "../../lib/args.ts";
import { certificateIn, commonNameOf } from "../../lib/certificate.ts";
import { CliFailure } from "../../lib/failure.ts";
import { parseJson, readJson, readText, stateFolder, type Surroundings } from "../../lib/settings.ts";
import type { Identity } from "../exchange.ts";
import { byShell } from "../run-by-shell.ts";
import type { Given, Party } from "./stage.ts";

const MAX_SECONDS = 24 * 3600;
const WAIT_SECONDS = 30;
const SYNC_SECONDS = 5;
const DAY_MS = 24 * 3600 * 1000;

const file = (help: string) => ({ type: "string", value: "<file>", help }) as const;
const text = (value: string, help: string) => ({ type: "string", value, help }) as const;

export const GIVEN_OPTIONS = {
  kme1: text("<url>", "the KME of A, the master; without it, the network of a running `npm start` is examined"),
  kme2: text("<url>", "the KME of B, its slave"),
  ca: file("PEM: the authority of the KMEs' certificates"),
  "ca-key": file("PEM: its key, where SAEs' certificates are of it too: for those of T06 and T07"),
  "cert-a": file("PEM: A's certificate"),
  "key-a": file("PEM: its key"),
  "sae-a": text("<id>", "A's SAE ID (default: its certificate's CN)"),
  "cert-b": file("PEM: B's certificate"),
  "key-b": file("PEM: its key"),
  "sae-b": text("<id>", "B's SAE ID"),
  "cert-c": file("PEM: the certificate of a third SAE, which has no part in what A and B do"),
  "key-c": file("PEM: its key"),
  "sae-c": text("<id>", "its SAE ID"),
  "kme-c": text("<url>", "its KME (default: --kme2)"),
  "cert-d": file("PEM: the certificate of a fourth SAE"),
  "key-d": file("PEM: its key"),
  "sae-d": text("<id>", "its SAE ID"),
  "kme-d": text("<url>", "its KME (default: --kme2)"),
  "unregistered-cert": file("PEM: a certificate of the SAEs' authority for an SAE that no KME knows"),
  "unregistered-key": file("PEM: its key"),
  "expired-cert": file("PEM: a certificate of A that has expired"),
  "expired-key": file("PEM: its key"),
  "foreign-cert": file(
    "PEM: a certificate that names A, of an authority that the KMEs do not trust (default: it is made)",
  ),
  "foreign-key": file("PEM: its key"),
  "odd-sae": text("<id>", "ID of an SAE at KME 2 that has to be URL-encoded"),
  unmet: text("<json>", "an extension_mandatory that the KME supports, and cannot meet between A and B"),
  "restart-command": text("<command>", "what restarts KME 2; run by the shell"),
  "key-lifetime": text("<seconds>", "how long a key is kept for its slave: that long is waited"),
  drain: { type: "boolean", help: "the pair's pool may be run empty" },
  paused: { type: "boolean", help: "no new key comes to the pair's pool while this runs" },
  wait: text("<seconds>", `how long the pair may take to have the keys a case wants (default ${WAIT_SECONDS})`),
  "sync-delay": text("<seconds>", `how long KME 2 may take to hear of a key (default ${SYNC_SECONDS})`),
  state: text("<dir>", "state folder of `npm start` (default .qkd)"),
} as const satisfies OptionTable;

/** @throws CliFailure naming the option that is missing, or the file that cannot be read */
export async function givenBy(args: Args, around: Surroundings): Promise<Given> {
  const named = args.text("kme1") === undefined ? fromState(args, around) : fromOptions(args, around);
  const issued = await issuedFor(named, args, around);
  const seconds = (name: string, most = MAX_SECONDS) => args.wholeNumber(name, 0, most);
  const restart = args.text("restart-command");
  const lifetime = seconds("key-lifetime");
  return {
    ...issued,
    ...(restart === undefined ? {} : { restart: byShell("restart-command", restart, around.cwd) }),
    ...(lifetime === undefined ? {} : { lifetimeMs: lifetime * 1000 }),
    mayDrain: args.flag("drain"),
    isPaused: args.flag("paused"),
    waitMs: (seconds("wait") ?? WAIT_SECONDS) * 1000,
    syncMs: (seconds("sync-delay") ?? SYNC_SECONDS) * 1000,
  };
}

type Named = Pick<Given, "ca" | "A" | "B" | "C" | "D" | "unregistered" | "expired" | "foreign" | "oddSae" | "unmet"> & {
  readonly caKey?: string;
};

function fromOptions(args: Args, around: Surroundings): Named {
  const pem = (name: string): string | undefined => {
    const given = args.text(name);
    return given === undefined ? undefined : readText(path.resolve(around.cwd, given));
  };
  const pair = (cert: string, key: string): Required<Identity> | undefined => {
    const [certPem, keyPem] = [pem(cert), pem(key)];
    if (certPem === undefined && keyPem === undefined) return undefined;
    if (certPem === undefined || keyPem === undefined) throw new CliFailure(`--${cert} and --${key} go together`);
    return { cert: certPem, key: keyPem };
  };
  const party = (letter: string, kme: string): Party | undefined => {
    const identity = pair(`cert-${letter}`, `key-${letter}`);
    return identity && { sae: args.text(`sae-${letter}`) ?? nameIn(identity.cert, letter), kme, identity };
  };
  const [kme1, kme2] = [kmeUrl("kme1", args.required("kme1")), kmeUrl("kme2", args.required("kme2"))];
  const [A, B] = [party("a", kme1), party("b", kme2)];
  if (A === undefined || B === undefined) {
    throw new CliFailure(`--cert-${A === undefined ? "a" : "b"} and --key-${A === undefined ? "a" : "b"} are required`);
  }
  const unmet = args.text("unmet");
  return {
    ca: readText(path.resolve(around.cwd, args.required("ca"))),
    A,
    B,
    ...defined({
      C: party("c", kmeUrl("kme-c", args.text("kme-c") ?? kme2)),
      D: party("d", kmeUrl("kme-d", args.text("kme-d") ?? kme2)),
      unregistered: pair("unregistered-cert", "unregistered-key"),
      expired: pair("expired-cert", "expired-key"),
      foreign: pair("foreign-cert", "foreign-key"),
      oddSae: args.text("odd-sae"),
      unmet: unmet === undefined ? undefined : listOf(parseJson(unmet, "--unmet")),
      caKey: pem("ca-key"),
    }),
  };
}

/** The demo's SAEs: at two nodes with a link, two at each. */
const DEMO = { A: ["sae-a", "tn-1"], B: ["sae-c", "tn-2"], C: ["sae-c2", "tn-2"], D: ["sae-a2", "tn-1"] } as const;
/** One path is not two, and keys of a link are not shares over paths. */
const DEMO_UNMET = [{ qkdedge_route_type: "direct", qkdedge_disjoint_paths: 2 }];

const misses = (what: string): CliFailure =>
  new CliFailure(`no KMEs to examine: ${what}`, "give --kme1, --kme2, --ca, --cert-a ..., or run `npm start`");

function fromState(args: Args, around: Surroundings): Named {
  const state = stateFolder(args, around);
  const ports = existing(path.join(state, "ports.json"), () => misses(`no ports.json in ${state}`));
  const kmes = isRecord(ports) && isRecord(ports["kme"]) ? ports["kme"] : {};
  const pem = (name: string): string => readText(path.join(state, "certs", name));
  const party = (name: keyof typeof DEMO): Party => {
    const [sae, node] = DEMO[name];
    const kme = kmes[node];
    if (typeof kme !== "string") throw misses(`${state} has no KME of ${node}`);
    return { sae, kme, identity: { cert: pem(`${sae}.crt`), key: pem(`${sae}.key`) } };
  };
  const parties = { A: party("A"), B: party("B"), C: party("C"), D: party("D") };
  return { ca: pem("ca.crt"), caKey: pem("ca.key"), ...parties, unmet: DEMO_UNMET };
}

/** With the authority's key, the certificates that have to be refused are made here. */
async function issuedFor({ caKey, ...named }: Named, args: Args, around: Surroundings) {
  if (caKey === undefined) return named;
  const { issue, loadAuthority } = await import("../../../pki/authority.ts");
  const authority = await loadAuthority(named.ca, caKey).catch((error: unknown) => {
    const where = args.text("ca-key") ?? around.cwd;
    throw new CliFailure(`${where}: not the key of the authority: ${error instanceof Error ? error.message : ""}`);
  });
  const leaf = async (commonName: string, notAfter?: Date): Promise<Required<Identity>> => {
    const dates = notAfter === undefined ? {} : { notBefore: new Date(notAfter.getTime() - DAY_MS), notAfter };
    const { certificate, key } = await issue(authority, { commonName, usage: "client", ...dates });
    return { cert: certificate, key };
  };
  return {
    unregistered: await leaf(`nobody-${crypto.randomUUID()}`),
    expired: await leaf(named.A.sae, new Date(Date.now() - DAY_MS)),
    ...named,
  };
}

function kmeUrl(option: string, url: string): string {
  const { protocol, origin, pathname } = URL.parse(url) ?? {};
  if (protocol !== "https:" || origin === undefined) throw new CliFailure(`--${option} is not an https URL`);
  return `${origin}${pathname?.replace(/\/+$/, "") ?? ""}`;
}

function nameIn(pem: string, letter: string): string {
  const name = commonNameOf(certificateIn(pem, `--cert-${letter}`));
  if (name !== null) return name;
  throw new CliFailure(`the certificate of --cert-${letter} has not one CN`, `--sae-${letter} says which SAE it is of`);
}

const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [value]);

function existing(name: string, failure: () => CliFailure): unknown {
  try {
    return readJson(name);
  } catch {
    throw failure();
  }
}
