/**
 * The module's thread: post-processing computes for long, and the agent's tunnel has others to serve meanwhile. What has
 * to survive is in the journal, so the thread may be ended at any moment.
 */
import { randomBytes } from "node:crypto";
import { parentPort, workerData } from "node:worker_threads";
import { toHex } from "../../../shared/bytes/hex.ts";
import { ModuleMemory } from "../../../shared/qkd-module/memory.ts";
import { QkdModule } from "../../../shared/qkd-module/module.ts";
import { codeOf, messageOf } from "../../log.ts";
import { runChannel } from "./channel.ts";
import { ModuleEnd } from "./end.ts";
import { figuresOf } from "./figures.ts";
import type { FromThread, ThreadData, ToThread } from "./messages.ts";
import { JournalStore } from "./store.ts";

if (parentPort === null) throw new Error("is to be run as a thread of the agent");
const agent = parentPort;
/** @param gone buffers that are the agent's from then on: no copy of them stays behind */
const tell = (message: FromThread, gone: ArrayBuffer[] = []): void => agent.postMessage(message, gone);
const random = (bytes: number): Uint8Array => new Uint8Array(randomBytes(bytes));

async function work({ link, role, settings, channel, folder, spoolKey }: ThreadData): Promise<void> {
  const store = new JournalStore(folder, Buffer.from(spoolKey));
  // Makes the module's signing key where it has none: the other end may have to be told before anything begins.
  const memory = new ModuleMemory(store, link, random);
  // The pool knows blocks by their numbers for ever, whatever becomes of this folder: more than one a millisecond there
  // never were. With a seed the line is to be repeated, block by block from the first.
  if (store.isNew && settings.seed === undefined) memory.use(Date.now());
  memory.flush();
  const begun = Promise.withResolvers<Uint8Array | "as-told">();
  let [end, full]: [ModuleEnd | null, boolean] = [null, false];
  agent.on("message", (message: ToThread) => {
    if (message.kind === "begin") begun.resolve(message.peerPublicKey);
    else if (message.kind === "full") {
      full = message.full;
      if (end !== null) end.full = full;
      // What breaks a step ends the end's own run.
    } else end?.putAway(message.id).catch(() => undefined);
  });
  tell({ kind: "public-key", publicKey: toHex(memory.signing.publicKey) });
  const peerPublicKey = await begun.promise;
  end = new ModuleEnd(new QkdModule({ link, role, settings, store, random, peerPublicKey }), {
    news: (news) => tell({ kind: "news", news }),
    finished({ id, bytes: kept }) {
      const bytes = new Uint8Array(kept);
      tell({ kind: "finished", block: { id, bytes } }, [bytes.buffer]);
    },
    status: (status) => tell({ kind: "figures", figures: figuresOf(status) }),
  });
  end.full = full;
  const log = (...[level, event, fields = {}]: Parameters<Parameters<typeof runChannel>[2]>): void =>
    tell({ kind: "log", level, event, fields });
  const ended = new AbortController();
  try {
    await Promise.race([end.run(), runChannel(channel, end, log, ended.signal)]);
  } finally {
    ended.abort();
  }
}

try {
  await work(workerData as ThreadData);
} catch (error) {
  tell({ kind: "failed", code: codeOf(error) ?? null, reason: messageOf(error) });
  agent.close();
}
