/** For tests: certificates of one authority for hybridization modules, and stand-ins for such modules, in a process. */
import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import type { Socket } from "node:net";
import path from "node:path";
import { createInterface } from "node:readline";
import type { Writable } from "node:stream";
import { onTestFinished } from "vitest";
import { type Authority, createAuthority, issue } from "../../pki/authority.ts";
import { KEMS } from "../../shared/kem/registry.ts";
import { temporaryFolder } from "./tunnel-agent.ts";

export interface CertificateFiles {
  readonly cert: string;
  readonly key: string;
  readonly ca: string;
}

export const moduleAuthority = (): Promise<Authority> => createAuthority("modules");

/** @param addresses in its certificate */
export async function certificateFiles(authority: Authority, addresses: readonly string[]): Promise<CertificateFiles> {
  const folder = temporaryFolder();
  const sans = addresses.map((value) => ({ type: "ip", value }) as const);
  const { certificate, key } = await issue(authority, { commonName: "node", usage: "server", sans });
  const put = (name: string, text: string): string => {
    const file = path.join(folder, name);
    writeFileSync(file, text, { mode: 0o600 });
    return file;
  };
  return { cert: put("crt", certificate), key: put("key", key), ca: put("ca", authority.certificate.toString("pem")) };
}

export interface ModuleOpen {
  readonly role: "client" | "server";
  readonly host: string;
  readonly port: number;
  readonly source: string;
  readonly destination: string;
  readonly kems: readonly string[];
  /** Makes it combine its keys. */
  readonly method?: "xoring" | "hmac" | "xorhmac";
  readonly chunk?: number;
  /** Its QKD node's listener. */
  readonly qkd?: { readonly host: string; readonly port: number };
  readonly seed?: string;
}

/** What its application gets. */
export interface ModuleKey {
  /** In hex. */
  readonly key: string;
  /** Of how many sources: those that failed it leaves out. */
  readonly mixed: number;
}

interface Answer extends Partial<ModuleKey> {
  readonly id: number;
  readonly error?: string;
  readonly port?: number;
  readonly ksid?: string;
  readonly secrets?: readonly string[];
}

const HERE = import.meta.dirname;
const LENGTHS = Object.fromEntries(
  Object.entries(KEMS).map(([name, row]) => [name, { publicKey: row.publicKeyBytes, ciphertext: row.ciphertextBytes }]),
);

/** Python, and the Node.js that computes KEMs for it: one of each for all modules of a file, which ends with it. */
class Process {
  static #started: Process | null = null;
  readonly #stdin: Writable;
  readonly #waiting = new Map<number, (answer: Answer) => void>();
  #lastId = 0;

  static started(): Process {
    this.#started ??= new Process();
    return this.#started;
  }

  private constructor() {
    const kems = JSON.stringify([process.execPath, path.join(HERE, "kem-by-lines.ts")]);
    const child = spawn("python3", [path.join(HERE, "hybridization-module.py"), kems], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    this.#stdin = child.stdin;
    createInterface({ input: child.stdout }).on("line", (line) => this.#answered(JSON.parse(line) as Answer));
    // It ends when its input does, which is when this process has ended.
    child.unref();
    for (const pipe of [child.stdin, child.stdout]) (pipe as Socket).unref();
  }

  async do(asked: object): Promise<Answer> {
    const id = ++this.#lastId;
    const { promise, resolve } = Promise.withResolvers<Answer>();
    this.#waiting.set(id, resolve);
    this.#stdin.write(`${JSON.stringify({ id, ...asked })}\n`);
    const answer = await promise;
    if (answer.error !== undefined) throw new Error(answer.error);
    return answer;
  }

  #answered(answer: Answer): void {
    this.#waiting.get(answer.id)?.(answer);
    this.#waiting.delete(answer.id);
  }
}

export class StandInModule {
  readonly #module: number;
  readonly port: number;

  /** Until the test is over. */
  static async start(files: CertificateFiles): Promise<StandInModule> {
    const settings = { host: "127.0.0.1", lengths: LENGTHS, cert: files.cert, key: files.key, ca: files.ca };
    const { id, port = 0 } = await Process.started().do({ do: "start", ...settings });
    const module = new StandInModule(id, port);
    onTestFinished(async () => void (await module.#do({ do: "stop" })));
    return module;
  }

  private constructor(module: number, port: number) {
    this.#module = module;
    this.port = port;
  }

  /** @returns the session's number. The KSID is its hybrid stream's */
  async open(wish: ModuleOpen): Promise<{ readonly session: number; readonly ksid: string }> {
    const { id, ksid = "" } = await this.#do({ do: "open", ...wish });
    return { session: id, ksid };
  }

  /** @returns for each source its secret in hex, or what went wrong */
  async getKey(session: number): Promise<readonly string[]> {
    return (await this.#do({ do: "get_key", session })).secrets ?? [];
  }

  /** Of sessions that were opened with a method. */
  async getHybridKey(session: number): Promise<ModuleKey> {
    const { key = "", mixed = 0 } = await this.#do({ do: "get_key", session });
    return { key, mixed };
  }

  async close(session: number): Promise<void> {
    await this.#do({ do: "close", session });
  }

  async blink(port: number): Promise<void> {
    await this.#do({ do: "blink", host: "127.0.0.1", port });
  }

  async #do(asked: object): Promise<Answer> {
    return await Process.started().do({ module: this.#module, ...asked });
  }
}
