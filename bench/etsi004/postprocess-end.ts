/** One end's process of the post-processing bench: Bob listens, Alice connects; the state machines do the rest. */
import { once } from "node:events";
import net from "node:net";
import { randomBytes } from "node:crypto";
import { setImmediate } from "node:timers/promises";
import { runWithPauses } from "../../shared/conditioning/slices.ts";
import { leakLimitOf, type BlockParameters } from "../../shared/postprocessing/session/parameters.ts";
import { joinRun } from "../../shared/postprocessing/session/records.ts";
import { Alice } from "../../shared/postprocessing/session/alice.ts";
import { Bob, type Opening, readOpening } from "../../shared/postprocessing/session/bob.ts";
import type { BlockEnd, Step } from "../../shared/postprocessing/session/block-end.ts";
import { headOf } from "../../shared/postprocessing/session/envelope.ts";
import { MessageStream } from "../../shared/postprocessing/session/message-stream.ts";
import { AuthKeyStore, slotsOf } from "../../shared/postprocessing/authentication/key-store.ts";
import { BLOCK_KEY_BYTES, WegmanCarter } from "../../shared/postprocessing/authentication/wegman-carter.ts";
import { RandomWords, seededWords } from "../../shared/simulator/random.ts";
import { LinkSampler } from "../../shared/simulator/sampler.ts";
import { DelayedSocket } from "./delayed-socket.ts";
import { LINK } from "./link.ts";
import type { PostprocessOptions } from "./postprocess.ts";

export interface EndJob extends PostprocessOptions {
  readonly type: "prepare";
  readonly role: "alice" | "bob";
}
export type Listening = { readonly type: "listening"; readonly port: number };
export type Ready = { readonly type: "ready" };
export interface EndResult {
  readonly type: "done";
  readonly released: number;
  readonly secretBits: number;
  readonly cpuMs: number;
}

const ERROR_RATE_LIMIT = 0.08;

const parametersOf = (keyBits: number): BlockParameters => ({
  intensities: LINK.intensities,
  keyBasisProbability: LINK.keyBasisProbability,
  pulses: Number.MAX_SAFE_INTEGER,
  keyBits,
  securityEpsilon: 1e-10,
  correctnessEpsilon: 1e-15,
  errorRateLimit: ERROR_RATE_LIMIT,
  leakLimitBits: leakLimitOf(keyBits, ERROR_RATE_LIMIT),
});

type Run = ReturnType<typeof joinRun>;

/** Both processes draw the same runs, and each uses its own half. */
function drawRuns({ blocks, keyBits }: PostprocessOptions): Run[] {
  const sampler = new LinkSampler(LINK);
  return Array.from({ length: blocks }, (_, i) => {
    const words = new RandomWords(seededWords(new Uint8Array(32).fill(i + 1)));
    return joinRun(sampler.block(words, { keyBasisDetections: keyBits }));
  });
}

const random = (bytes: number): Uint8Array => new Uint8Array(randomBytes(bytes));
/** Nothing of a bench has to survive it. */
const forget = (): void => {};

class End {
  readonly #job: EndJob;
  readonly #parameters: BlockParameters;
  readonly #runs: (Run | undefined)[];
  readonly #store = new AuthKeyStore();
  readonly #blocks = new Map<number, BlockEnd>();
  readonly #turns = new Map<number, Promise<void>>();
  readonly #stream = new MessageStream();
  #socket: DelayedSocket | null = null;
  #next = 1;
  #released = 0;
  #secretBits = 0;
  #cpuFrom = process.cpuUsage();

  constructor(job: EndJob) {
    this.#job = job;
    this.#parameters = parametersOf(job.keyBits);
    this.#runs = drawRuns(job);
    this.#store.add(slotsOf(0, new Uint8Array(job.inFlight * BLOCK_KEY_BYTES).fill(0xa5)));
  }

  attach(socket: net.Socket): void {
    this.#cpuFrom = process.cpuUsage();
    const delayMs = this.#job.role === "bob" ? this.#job.roundTripMs : 0;
    this.#socket = new DelayedSocket(socket, delayMs, (chunk) => {
      for (const message of this.#stream.push(chunk) ?? []) this.#take(message);
    });
    if (this.#job.role === "alice") for (let i = 0; i < this.#job.inFlight; i++) this.#open();
  }

  #open(): void {
    const block = this.#next++;
    const run = this.#runs[block - 1];
    if (run === undefined) return;
    const slot = this.#store.take(forget);
    if (!slot.ok) throw new Error(slot.error);
    const alice = new Alice({
      block,
      link: "bench",
      parameters: this.#parameters,
      authentication: new WegmanCarter("alice-to-bob", slot.value.keys),
      random,
      slot: slot.value,
      refill: () => 1,
    });
    alice.sent(run.sent);
    this.#blocks.set(block, alice);
    this.#do(block, alice, alice.open());
  }

  /**
   * One message after the other of a block, and blocks in turns: none waits for another's long computation. But a block
   * may be opened with key of one that was settled just before, so an opening waits for that.
   */
  #take(message: Uint8Array): void {
    const block = headOf(message)?.block ?? 0;
    const opening = readOpening(message);
    const waitsFor = opening.ok ? (opening.value.slot?.block ?? 0) : block;
    const before = this.#turns.get(waitsFor) ?? Promise.resolve();
    this.#turns.set(block, this.#takeAfter(before, block, message, opening.ok ? opening.value : null));
  }

  async #takeAfter(before: Promise<void>, block: number, message: Uint8Array, opening: Opening | null): Promise<void> {
    await before;
    const end = opening === null ? this.#blocks.get(block) : this.#opened(opening);
    if (end === undefined) throw new Error(`block ${block} is not under way`);
    this.#do(block, end, await runWithPauses(end.receiveInSlices(message), setImmediate));
    if (end instanceof Bob && opening !== null) this.#measured(block, end);
  }

  #opened({ block, slot: name }: Opening): Bob {
    if (name === null) throw new Error("a block is opened without key");
    const slot = this.#store.take(forget, name);
    if (!slot.ok) throw new Error(slot.error);
    const authentication = new WegmanCarter("bob-to-alice", slot.value.keys);
    const bob = new Bob({ block, link: "bench", parameters: this.#parameters, authentication, random });
    this.#blocks.set(block, bob);
    return bob;
  }

  #measured(block: number, bob: Bob): void {
    const run = this.#runs[block - 1];
    if (run !== undefined) this.#do(block, bob, bob.measured(run.detections));
  }

  #do(block: number, end: BlockEnd, { send }: Step): void {
    for (const message of send) this.#socket?.write(message);
    const { outcome } = end;
    if (outcome.kind === "running" || outcome.kind === "unconfirmed") return;
    this.#blocks.delete(block);
    this.#runs[block - 1] = undefined;
    if (outcome.kind === "released") {
      this.#released++;
      this.#secretBits += 8 * outcome.secrets.key.length;
      this.#store.add(outcome.secrets.slots);
    } else console.error(`bench: block ${block} of ${this.#job.role}: ${outcome.reason}`);
    if (this.#job.role === "alice") this.#open();
    this.#report();
  }

  #report(): void {
    if (this.#runs.some((run) => run !== undefined)) return;
    const { user, system } = process.cpuUsage(this.#cpuFrom);
    const [released, secretBits] = [this.#released, this.#secretBits];
    process.send?.({ type: "done", released, secretBits, cpuMs: (user + system) / 1000 } satisfies EndResult);
  }
}

process.on("disconnect", () => process.exit(0));
process.once("message", (job: EndJob) => {
  const end = new End(job);
  if (job.role === "bob") {
    const server = net.createServer((socket) => end.attach(socket));
    server.listen(0, "127.0.0.1", () => {
      process.send?.({ type: "listening", port: (server.address() as net.AddressInfo).port } satisfies Listening);
    });
    return;
  }
  process.once("message", ({ port }: { readonly port: number }) => void connect(end, port));
  process.send?.({ type: "ready" } satisfies Ready);
});

async function connect(end: End, port: number): Promise<void> {
  const socket = net.connect(port, "127.0.0.1");
  await once(socket, "connect");
  end.attach(socket);
}
