/** The sender's object drives its link: what it has to say goes to the receiver's object, whose answers come back. */
import { runWithPauses, type Slices } from "../../shared/conditioning/slices.ts";
import { LIMITS } from "../../shared/limits.ts";
import type { QkdModule as Core } from "../../shared/qkd-module/module.ts";
import type { QkdModuleRpc } from "../../shared/qkd-module/rpc.ts";
import type { ModuleSettings } from "../../shared/qkd-module/settings.ts";
import type { ModuleNews, ModuleStep } from "../../shared/qkd-module/status.ts";

export const pause = async (): Promise<void> => await new Promise((resolve) => setTimeout(resolve, 0));

export class SenderTurn {
  readonly #core: Core;
  readonly #tell: (news: readonly ModuleNews[]) => void;
  #connected = false;
  /** On its way to the receiver when the last turn ended. */
  #waiting: readonly Uint8Array[] = [];
  #againMs = 0;
  #isTaken = false;

  constructor(core: Core, tell: (news: readonly ModuleNews[]) => void) {
    this.#core = core;
    this.#tell = tell;
  }

  /** When the next turn is due. */
  dueMs(nowMs: number): number | null {
    if (!this.#connected) return this.#againMs;
    return this.#waiting.length > 0 ? nowMs : this.#core.nextMs(nowMs);
  }

  async configure(settings: ModuleSettings): Promise<void> {
    const send = await this.#step(this.#core.configure(settings, Date.now()));
    // A block that was given up has nothing left to say.
    if (send.length > 0) this.#waiting = send;
  }

  /** A bounded part of a conversation. @param isFull asked before a block is begun: is there enough key? */
  async take(peer: Pick<QkdModuleRpc, "exchange">, isFull: () => Promise<boolean>): Promise<void> {
    // The turn before was ended in its middle: nobody knows what of it the receiver has heard.
    if (this.#isTaken) await this.#disconnect(0);
    this.#isTaken = true;
    await this.#converse(peer, isFull);
    this.#isTaken = false;
  }

  async #converse(peer: Pick<QkdModuleRpc, "exchange">, isFull: () => Promise<boolean>): Promise<void> {
    const nowMs = Date.now();
    if (!this.#connected) {
      if (nowMs < this.#againMs) return;
      this.#connected = true;
      this.#waiting = await this.#step(this.#core.connected(nowMs));
    } else if (this.#waiting.length === 0 && nowMs >= (this.#core.nextMs(nowMs) ?? Infinity)) {
      this.#waiting = await this.#step(this.#core.tick(nowMs, { full: await isFull() }));
    }
    for (let exchange = 0; exchange < LIMITS.moduleExchanges && this.#waiting.length > 0; exchange++) {
      const answers = await heard(peer, this.#waiting);
      if (answers === null) return await this.#disconnect(LIMITS.moduleSyncMs);
      const send: Uint8Array[] = [];
      for (const answer of answers) send.push(...(await this.#step(this.#core.receive(answer, Date.now()))));
      this.#waiting = send;
    }
  }

  async #disconnect(pauseMs: number): Promise<void> {
    await this.#step(this.#core.disconnected(Date.now()));
    this.#connected = false;
    this.#waiting = [];
    this.#againMs = Date.now() + pauseMs;
  }

  async #step(slices: Slices<ModuleStep>): Promise<readonly Uint8Array[]> {
    const { send, news } = await runWithPauses(slices, pause);
    this.#tell(news);
    return send;
  }
}

/** Null where the other end's object does not answer, or has no module. */
async function heard(
  peer: Pick<QkdModuleRpc, "exchange">,
  messages: readonly Uint8Array[],
): Promise<readonly Uint8Array[] | null> {
  try {
    const answer = await peer.exchange(messages);
    return answer.ok ? answer.value : null;
  } catch {
    return null;
  }
}
