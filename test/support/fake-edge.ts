/** What a feed's `send` reaches in unit tests: blocks and key IDs of one two-ended or one-ended link, in memory. */
import { LIMITS } from "../../shared/limits.ts";
import type { EdgeAnswer, EdgeRequest, Send } from "../../tunnel/feeds/edge.ts";

interface FakeBlock {
  readonly node: string;
  readonly bytes: Buffer;
  state: "unmatched" | "matched" | "quarantined";
  keyIds?: readonly string[];
}

const PATH = /^\/api\/v1\/links\/[^/?]+(?:\/blocks(?:\/(?<block>[^/?]+)(?<keyIds>\/key-ids)?)?)?(?:\?(?<query>.*))?$/;
const HEALTH = {
  bits: 8,
  passed: true,
  failures: [],
  ones: 4,
  longest_run_bits: 1,
  apt_max_count: 1,
  min_entropy_per_bit: 1,
};

export class FakeEdge {
  readonly blocks = new Map<string, FakeBlock>();
  /** PUTs of blocks as they came: id by id. */
  readonly pushes: string[] = [];
  twoEnded = false;
  availableBits = 0;
  highBits = 1_000_000_000;
  /** Answers instead of the edge where it gives one. */
  intercept: (request: EdgeRequest) => EdgeAnswer | "unreachable" | null = () => null;

  readonly send: Send = async (request, signal) => {
    signal.throwIfAborted();
    const instead = this.intercept(request);
    if (instead === "unreachable") throw new Error("connect ECONNREFUSED");
    if (instead !== null) return instead;
    const { block, keyIds, query } = PATH.exec(request.path)?.groups ?? {};
    const parameters = new URLSearchParams(query);
    if (request.method === "GET") return parameters.has("awaiting") ? this.#awaiting(parameters) : this.#link();
    const id = decodeURIComponent(block ?? "");
    const bytes = Buffer.from(request.body?.bytes ?? []);
    return keyIds === undefined ? this.#put(id, parameters.get("node") ?? "", bytes) : this.#tell(id, bytes);
  };

  #put(id: string, node: string, bytes: Buffer): EdgeAnswer {
    this.pushes.push(id);
    const known = this.blocks.get(id);
    if (known === undefined) {
      this.blocks.set(id, { node, bytes, state: this.twoEnded ? "unmatched" : "matched" });
      return this.twoEnded ? ingest(202, "unmatched") : ingest(201, "ingested");
    }
    if (known.state === "unmatched" && known.node !== node) {
      known.state = known.bytes.equals(bytes) ? "matched" : "quarantined";
      return known.state === "matched" ? ingest(201, "ingested") : ingest(202, "quarantined", "twin-mismatch");
    }
    if (!known.bytes.equals(bytes)) return answer(409, { message: `block ${id} is known with other bytes` });
    return known.state === "unmatched" ? ingest(202, "unmatched") : ingest(200, "already-ingested");
  }

  #tell(id: string, body: Buffer): EdgeAnswer {
    const known = this.blocks.get(id);
    if (known === undefined) return answer(404, { message: "not known" });
    if (known.state === "unmatched") known.keyIds = (JSON.parse(body.toString()) as { key_ids: string[] }).key_ids;
    return answer(200, { outcome: known.state === "unmatched" ? "awaits-twin" : "settled" });
  }

  #awaiting(query: URLSearchParams): EdgeAnswer {
    const node = query.get("awaiting");
    const after = Number(query.get("after"));
    const blocks = [...this.blocks]
      .slice(after)
      .flatMap(([block, { state, node: pushedBy, keyIds, bytes }], index) =>
        state === "unmatched" && pushedBy !== node && keyIds !== undefined
          ? [{ number: after + index + 1, block, bits: bytes.length * 8, key_ids: keyIds }]
          : [],
      );
    const page = blocks.slice(0, LIMITS.awaitedBlocks);
    const next = page.length < blocks.length ? (page.at(-1)?.number ?? null) : null;
    return answer(200, { blocks: page, next });
  }

  #link(): EdgeAnswer {
    const unmatched = [...this.blocks.values()].filter(({ state }) => state === "unmatched");
    const pool = {
      watermarks: { low_bytes: 0, high_bytes: this.highBits / 8 },
      ledger_bits: { unmatched: unmatched.reduce((sum, { bytes }) => sum + bytes.length * 8, 0) },
      shards: [{ shard: 0, available_bits: this.availableBits }],
    };
    return answer(200, { pool });
  }
}

export const answer = (status: number, json: unknown): EdgeAnswer => ({ status, retryAfterSeconds: null, json });

const ingest = (status: number, outcome: string, reason?: string): EdgeAnswer =>
  answer(status, { outcome, bits: 8, health: HEALTH, ...(reason === undefined ? {} : { reason }) });
