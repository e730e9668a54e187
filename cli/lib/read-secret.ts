/** A secret from where only its owner sees it: typed without an echo, or piped in. Never from an argument. */
import { createInterface } from "node:readline/promises";
import { Readable, Writable } from "node:stream";
import { readBounded } from "../../shared/bytes/read-bounded.ts";
import { CliFailure } from "./failure.ts";

const MAX_BYTES = 4096;

/** @throws CliFailure where two typed ones differ, typing was broken off, or what is piped in is no line of UTF-8 */
export async function readSecret(what: string): Promise<string> {
  return process.stdin.isTTY ? await typed(what) : await piped();
}

async function piped(): Promise<string> {
  const bytes = await readBounded(Readable.toWeb(process.stdin) as ReadableStream<Uint8Array>, MAX_BYTES);
  if (typeof bytes === "string") throw new CliFailure(`what is piped in is longer than ${MAX_BYTES} bytes`);
  const text = new TextDecoder("utf-8", { fatal: false }).decode(bytes).replace(/\r?\n$/, "");
  if (/[\uFFFD\r\n]/.test(text)) throw new CliFailure("what is piped in is not one line of UTF-8");
  return text;
}

async function typed(what: string): Promise<string> {
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  // It turns the echo off: before the first prompt, and on to the end, for who types ahead.
  const lines = createInterface({ input: process.stdin, output: nowhere, terminal: true });
  const ended = new Promise<never>((_, reject) => void lines.once("close", () => reject(new Error("closed"))));
  const ask = async (prompt: string): Promise<string> => {
    process.stderr.write(prompt);
    try {
      return await Promise.race([lines.question(""), ended]);
    } catch {
      // Ctrl-C, Ctrl-D
      throw new CliFailure("broken off: nothing was hashed");
    } finally {
      process.stderr.write("\n");
    }
  };
  try {
    const first = await ask(`${what}: `);
    if (first === (await ask(`${what} again: `))) return first;
    throw new CliFailure("the two differ: nothing was hashed");
  } finally {
    lines.close();
  }
}
