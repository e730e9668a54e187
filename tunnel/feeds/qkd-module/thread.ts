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
// oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread's, not a window's
const tell = (message: FromThread): void => agent.postMessage(message);
const random = (bytes: number): Uint8Array => new Uint8Array(randomBytes(bytes));

async function work({ link, role, settings, channel, folder, spoolKey }: ThreadData): Promise<void> {
  const store = new JournalStore(folder, Buffer.from(spoolKey));
  // Makes the module's signing key where it has none: the other end may have to be told before anything begins.
  const { signing } = new ModuleMemory(store, link, random);
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
  tell({ kind: "public-key", publicKey: toHex(signing.publicKey) });
  const peerPublicKey = await begun.promise;
  end = new ModuleEnd(new QkdModule({ link, role, settings, store, random, peerPublicKey }), {
    news: (news) => tell({ kind: "news", news }),
    finished: (block) => tell({ kind: "finished", block }),
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
