/** The C program: what it takes to build it, and a transfer with both of its ends on this machine. */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { StartFailure } from "../../scripts/start/failure.ts";

const SOURCES = import.meta.dirname;
const PACKAGES = "apt-get install gcc make libc6-dev libcurl4-openssl-dev libjson-c-dev libssl-dev";
const PROGRAMS = ["make", "cc"] as const;
const HEADERS = ["stdio.h", "curl/curl.h", "json-c/json.h", "openssl/ssl.h"] as const;

/** @returns why it cannot be built here, in a line; null: it can */
export function buildMissing(): string | null {
  const program = PROGRAMS.find((each) => spawnSync(each, ["--version"]).status !== 0);
  if (program !== undefined) return `there is no ${program} (${PACKAGES})`;
  const header = HEADERS.find(
    (each) => spawnSync("cc", ["-E", "-x", "c", "-"], { input: `#include <${each}>\n` }).status !== 0,
  );
  return header === undefined ? null : `there is no ${header} (${PACKAGES})`;
}

/** @param folder absolute @returns the program. @throws StartFailure with what the compiler says */
export function build(folder: string, flags = "-O2 -g"): string {
  const made = spawnSync("make", ["-C", SOURCES, `BUILD=${folder}`, `CFLAGS=${flags}`], { encoding: "utf8" });
  if (made.status !== 0) throw new StartFailure(`make has failed: ${made.stderr}`);
  return join(folder, "tls-psk");
}

/** Where a site's agent serves the KMS API. */
export interface KmsUrls {
  readonly token: string;
  readonly api: string;
}

/** As the original's clients read it. */
export function writeKmsConf(file: string, { token, api }: KmsUrls, site: string): void {
  writeFileSync(file, `${token}/uaa/oauth/token\n${api}/api/newkey\n${api}/api/getkey\n${site}\nfalse\n`);
}

export interface End {
  readonly conf: string;
  /** The other end's site. */
  readonly peer: string;
  readonly file: string;
  /** Besides this process's. */
  readonly env?: Readonly<Record<string, string>>;
}

export interface Ended {
  readonly code: number | null;
  readonly lines: readonly string[];
  readonly errors: readonly string[];
}

export interface Transfer {
  readonly program: string;
  readonly tls: "1.2" | "1.3";
  readonly sender: End & { readonly tls?: "1.2" | "1.3" };
  readonly receiver: End;
}

const LISTENING = /^listening on .* port (?<port>\d+)$/;

/** Resolves once both have ended. */
export async function transfer({
  program,
  tls,
  sender,
  receiver,
}: Transfer): Promise<Record<"sender" | "receiver", Ended>> {
  const { promise: listening, resolve } = Promise.withResolvers<string | null>();
  const received = run(program, ["receiver", ...argumentsOf(receiver, tls), "--port", "0"], receiver.env, (line) => {
    const { port } = LISTENING.exec(line)?.groups ?? {};
    if (port !== undefined) resolve(port);
  });
  void received.then(() => resolve(null));
  const port = await listening;
  if (port === null) return { sender: { code: null, lines: [], errors: [] }, receiver: await received };
  const sent = run(program, ["sender", ...argumentsOf(sender, sender.tls ?? tls), "--port", port], sender.env);
  return { sender: await sent, receiver: await received };
}

const argumentsOf = ({ conf, peer, file }: End, tls: string): readonly string[] => [
  "--conf",
  conf,
  "--peer",
  peer,
  "--file",
  file,
  "--tls",
  tls,
];

async function run(
  program: string,
  args: readonly string[],
  env: End["env"] = {},
  onLine: (line: string) => void = () => undefined,
): Promise<Ended> {
  const child = spawn(program, args, { env: { ...process.env, ...env }, stdio: ["ignore", "pipe", "pipe"] });
  const ended = once(child, "close") as Promise<[number | null]>;
  const [lines, errors] = await Promise.all([linesOf(child.stdout, onLine), linesOf(child.stderr)]);
  const [code] = await ended;
  return { code, lines, errors };
}

async function linesOf(stream: Readable, onLine: (line: string) => void = () => undefined): Promise<string[]> {
  const lines: string[] = [];
  for await (const line of createInterface({ input: stream })) {
    lines.push(line);
    onLine(line);
  }
  return lines;
}
