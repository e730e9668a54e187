/** Files both ways: offered, taken or declined, moved, checked, cancelled. */
import { BOUNDS } from "./bounds.ts";
import type { Bytes } from "./bytes.ts";
import { FileReceive } from "./file-receive.ts";
import { FileSend, type FileToSend } from "./file-send.ts";
import { encodeMessage, type Message, type MessageHead } from "./message.ts";
import type { Tag } from "./tag.ts";
import { type FileEntry, withKey } from "./timeline.ts";

export interface TransfersOptions {
  readonly send: (message: Bytes, tag: Tag, lane: "urgent" | "bulk") => boolean;
  readonly withdraw: (id: string) => void;
  /** Chunks that wait to be sent. */
  readonly waitingChunks: () => number;
  readonly add: (entry: Omit<FileEntry, "atMs" | "kind">) => void;
  readonly find: (id: string) => FileEntry | undefined;
  readonly patch: (id: string, change: (entry: FileEntry) => Partial<FileEntry>) => void;
}

export class Transfers {
  readonly #options: TransfersOptions;
  readonly #offered = new Map<string, FileToSend>();
  readonly #sending = new Map<string, FileSend>();
  /** Offered by the other side, and not answered yet. */
  readonly #asked = new Set<string>();
  readonly #receiving = new Map<string, FileReceive>();
  #isFeeding = false;

  constructor(options: TransfersOptions) {
    this.#options = options;
  }

  /** @returns false where too many are under way */
  offer(id: string, file: FileToSend): boolean {
    if (this.#offered.size + this.#sending.size >= BOUNDS.files) return false;
    this.#options.add({ id, ...saidOf(file), ...STATE_OF_NEW, from: "me" });
    this.#offered.set(id, file);
    this.#tellOffer(id, file);
    return true;
  }

  /** Of one that the other side offers. */
  answer(id: string, accept: boolean): void {
    const entry = this.#options.find(id);
    if (entry?.from !== "peer" || entry.state !== "offered") return;
    this.#asked.delete(id);
    if (accept) this.#receiving.set(id, new FileReceive(entry.sizeBytes));
    this.#options.patch(id, () => ({ state: accept ? "moving" : "declined" }));
    this.#tell({ kind: "file-answer", id, accept });
  }

  cancel(id: string): void {
    if (!isOpen(this.#options.find(id))) return;
    this.#end(id, "cancelled", null);
    this.#tell({ kind: "file-cancel", id });
  }

  /**
   * The other side's page is gone, and with it what it had of any file.
   * @param unseen offers that it had not got: they are for the next one
   */
  lose(unseen: readonly string[]): void {
    const open = [this.#offered.keys(), this.#sending.keys(), this.#asked, this.#receiving.keys()];
    for (const id of open.flatMap((ids) => [...ids])) {
      const file = unseen.includes(id) ? this.#offered.get(id) : undefined;
      if (file === undefined) this.#end(id, "failed", "the other side's page was closed");
      else this.#tellOffer(id, file);
    }
  }

  /** Chunks have left. */
  feed(): void {
    if (!this.#isFeeding) void this.#feed();
  }

  /** Of one's own that is being sent. */
  arrived(id: string, endBytes: number): void {
    this.#options.patch(id, (entry) => ({ doneBytes: Math.max(entry.doneBytes, endBytes) }));
  }

  receive({ head, body }: Message, keyId: string): void {
    switch (head.kind) {
      case "file-offer":
        return this.#offeredToMe(head, keyId);
      case "file-answer":
        return this.#answered(head.id, head.accept);
      case "file-chunk":
        return this.#chunk(head.id, head.offset, body, keyId);
      case "file-end":
        return this.#ended(head.id, head.sha256);
      case "file-result":
        if (this.#sending.has(head.id))
          this.#end(head.id, head.isWhole ? "done" : "failed", CHECKED[`${head.isWhole}`]);
        return undefined;
      case "file-cancel":
        if (isOpen(this.#options.find(head.id))) this.#end(head.id, "cancelled", null);
    }
    return undefined;
  }

  #offeredToMe({ id, name, mediaType, sizeBytes }: Extract<MessageHead, { kind: "file-offer" }>, keyId: string): void {
    if (this.#options.find(id) !== undefined) return;
    if (this.#asked.size + this.#receiving.size >= BOUNDS.files) {
      this.#tell({ kind: "file-answer", id, accept: false });
      return;
    }
    this.#asked.add(id);
    this.#options.add({ id, name, mediaType, sizeBytes, ...STATE_OF_NEW, from: "peer", keyId });
  }

  #answered(id: string, accept: boolean): void {
    const file = this.#offered.get(id);
    if (file === undefined) return;
    if (!accept) {
      this.#end(id, "declined", null);
      return;
    }
    this.#offered.delete(id);
    this.#sending.set(id, new FileSend(file));
    this.#options.patch(id, () => ({ state: "moving" }));
    this.feed();
  }

  #chunk(id: string, offset: number, body: Bytes, keyId: string): void {
    const receiving = this.#receiving.get(id);
    if (receiving === undefined) return;
    if (!receiving.add(offset, body)) {
      this.#end(id, "failed", CHECKED.false);
      this.#tell({ kind: "file-result", id, isWhole: false });
      return;
    }
    this.#options.patch(id, ({ keys }) => ({ doneBytes: receiving.receivedBytes, keys: withKey(keys, keyId) }));
  }

  #ended(id: string, sha256: string): void {
    const receiving = this.#receiving.get(id);
    if (receiving === undefined) return;
    const chunks = receiving.end(sha256);
    this.#end(id, chunks === null ? "failed" : "done", CHECKED[`${chunks !== null}`]);
    this.#options.patch(id, () => ({ chunks }));
    this.#tell({ kind: "file-result", id, isWhole: chunks !== null });
  }

  #end(id: string, state: FileEntry["state"], note: string | null): void {
    this.#offered.delete(id);
    this.#sending.delete(id);
    this.#asked.delete(id);
    this.#receiving.delete(id);
    this.#options.withdraw(id);
    this.#options.patch(id, () => ({ state, note }));
  }

  #tellOffer(id: string, file: FileToSend): void {
    const isTaken = this.#tell({ kind: "file-offer", id, ...saidOf(file) }, "offer");
    if (!isTaken) this.#end(id, "failed", "too much waits to be sent already");
  }

  #tell(head: MessageHead & { readonly id: string }, part: "offer" | "word" = "word"): boolean {
    return this.#options.send(encodeMessage(head), { kind: "file", id: head.id, part }, "urgent");
  }

  async #feed(): Promise<void> {
    this.#isFeeding = true;
    try {
      for (let turn = this.#turn(); turn !== null; turn = this.#turn()) await this.#sendPart(...turn);
    } finally {
      this.#isFeeding = false;
    }
  }

  /** The file whose next piece is to go; several take turns. */
  #turn(): readonly [string, FileSend] | null {
    if (this.#options.waitingChunks() >= BOUNDS.waitingChunks) return null;
    const open = [...this.#sending].filter(([, sending]) => !sending.isEnded);
    const [next] = open;
    if (next === undefined) return null;
    this.#sending.delete(next[0]);
    this.#sending.set(...next);
    return next;
  }

  async #sendPart(id: string, sending: FileSend): Promise<void> {
    const part = await sending.next().catch(() => null);
    // Cancelled while it was read.
    if (!this.#sending.has(id)) return;
    if (part === null) {
      this.#end(id, "failed", "it cannot be read any more");
      this.#tell({ kind: "file-cancel", id });
      return;
    }
    const tag = { kind: "file", id } as const;
    if (part.kind === "end") {
      const word = encodeMessage({ kind: "file-end", id, sha256: part.sha256 });
      this.#options.send(word, { ...tag, part: "word" }, "bulk");
      return;
    }
    const endBytes = part.offset + part.bytes.length;
    const message = encodeMessage({ kind: "file-chunk", id, offset: part.offset }, part.bytes);
    this.#options.send(message, { ...tag, part: "chunk", endBytes }, "bulk");
  }
}

const saidOf = ({ name, type, size }: FileToSend) => ({
  name,
  mediaType: type.slice(0, BOUNDS.fileTypeChars),
  sizeBytes: size,
});
const STATE_OF_NEW = { doneBytes: 0, state: "offered", keyId: null, keys: [], note: null, chunks: null } as const;
const CHECKED = { true: null, false: "what came is not what was sent" } as const;
const isOpen = (entry: FileEntry | undefined): boolean => entry?.state === "offered" || entry?.state === "moving";
