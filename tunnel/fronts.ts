/**
 * The process of the KME fronts, and of the gateway. Started by `npm start`, which talks to it over IPC; or by hand with a config file:
 * `node tunnel/fronts.ts fronts.json`. SIGHUP reads all certificate files again.
 *
 * It also guards: should its parent die without a word, it ends the processes it was told of, and then itself.
 */
import { readFileSync } from "node:fs";
import { messageOf, stderrLog as log } from "./log.ts";
import { type Carrier, createCarrier } from "./services/etsi014-tls/carrier.ts";
import { parseFrontsConfig } from "./services/etsi014-tls/config.ts";
import { type Front, startFront } from "./services/etsi014-tls/front.ts";
import { Gateway } from "./services/gateway/gateway.ts";

export type ToFronts =
  | { readonly type: "guard" | "release"; readonly pid: number }
  | { readonly type: "serve"; readonly config: unknown }
  | { readonly type: "stop" };
export type FromFronts =
  | { readonly type: "serving"; readonly urls: Readonly<Record<string, string>> }
  | { readonly type: "failed"; readonly message: string };

const guarded = new Set<number>();
let carrier: Carrier | undefined;
let fronts: readonly Front[] = [];
let gateway: Gateway | undefined;

/** All or none: when one front cannot start, those that did are closed again. */
async function serve(value: unknown): Promise<Readonly<Record<string, string>>> {
  const config = parseFrontsConfig(value);
  const carry = createCarrier(config.carrier);
  const started = await Promise.allSettled(config.fronts.map((front) => startFront(front, carry, log)));
  const running = started.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
  try {
    const failed = started.find((result) => result.status === "rejected");
    if (failed !== undefined) throw failed.reason;
    if (config.gateway !== undefined && config.carrier.type === "unix") {
      gateway = await Gateway.start(config.gateway, config.carrier.path, log);
    }
  } catch (thrown) {
    await Promise.all(running.map((front) => front.close()));
    throw thrown;
  }
  carrier = carry;
  fronts = running;
  return Object.fromEntries(running.map(({ node, url }) => [node, url]));
}

async function stop(code: number): Promise<never> {
  gateway?.close();
  await Promise.all(fronts.map((front) => front.close()));
  carrier?.close();
  process.exit(code);
}

function orphaned(): void {
  for (const pid of guarded) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // Gone already.
    }
  }
  process.exit(1);
}

const answer = (message: FromFronts): void => void process.send?.(message);

async function serveParent(config: unknown): Promise<void> {
  try {
    answer({ type: "serving", urls: await serve(config) });
  } catch (thrown) {
    answer({ type: "failed", message: messageOf(thrown) });
  }
}

function followParent(): void {
  process.on("disconnect", orphaned);
  process.on("message", (message: ToFronts) => {
    if (message.type === "guard") guarded.add(message.pid);
    // Ended by itself: the number may be another's soon.
    else if (message.type === "release") guarded.delete(message.pid);
    else if (message.type === "serve") void serveParent(message.config);
    else void stop(0);
  });
}

async function serveFile(file: string): Promise<void> {
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => void stop(0));
  try {
    const urls = await serve(JSON.parse(readFileSync(file, "utf8")));
    log("info", "serving", urls);
  } catch (thrown) {
    process.stderr.write(`${file}: ${messageOf(thrown)}\n`);
    process.exitCode = 1;
  }
}

// A log that nobody reads any more is no reason to stop serving.
process.stderr.on("error", () => undefined);
process.on("SIGHUP", () => void Promise.all(fronts.map((front) => front.reload())));
const [file] = process.argv.slice(2);
if (process.send !== undefined) followParent();
else if (file !== undefined) await serveFile(file);
else {
  process.stderr.write("usage: node tunnel/fronts.ts CONFIG.json\n");
  process.exitCode = 1;
}
