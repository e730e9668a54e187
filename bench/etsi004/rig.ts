/** What the bench of key streams runs: an edge, some of whose streams are none, and the load tool. */
import { join } from "node:path";
import type { EdgeEndpoint } from "../load/connection.ts";
import { type OwnEdge, prefill, startOwnEdge } from "../own-edge.ts";
import { type LoadTool, startJobs } from "../processes/jobs.ts";
import type { EdgeEnds, Jobs } from "./load/jobs.ts";
import { CHUNK_BYTES } from "./noop.ts";

export const OPENER = { sae: "sae-a", node: "tn-1" } as const;
export const JOINER = { sae: "sae-c", node: "tn-2" } as const;
const LINK = "tn-1-tn-2";
const STREAMS = "/api/v1/streams";

export class StreamRig {
  readonly edge: OwnEdge;
  readonly load: LoadTool<Jobs>;

  private constructor(edge: OwnEdge, load: LoadTool<Jobs>) {
    this.edge = edge;
    this.load = load;
  }

  static async start(): Promise<StreamRig> {
    const edge = await startOwnEdge(join(import.meta.dirname, "worker", "index.ts"), true);
    return new StreamRig(edge, startJobs<Jobs>(join(import.meta.dirname, "load", "main.ts")));
  }

  async stop(): Promise<void> {
    await this.load.stop();
    await this.edge.stop();
  }

  /** @param before all paths */
  endsAt(before: string): EdgeEnds {
    return { opener: this.endpointOf(OPENER.sae, before), joiner: this.endpointOf(JOINER.sae, before) };
  }

  endpointOf(sae: string, before = ""): EdgeEndpoint {
    return { url: this.edge.url + before, token: this.edge.tokens[sae] ?? "" };
  }

  /** So much more key in the pool of both nodes. */
  async fill(bytes: number): Promise<void> {
    await prefill(this.edge, LINK, bytes);
  }

  /** Streams that both ends have opened. */
  async openStreams(count: number): Promise<string[]> {
    const QOS = { Key_chunk_size: CHUNK_BYTES };
    const ksids: string[] = [];
    for (let number = 0; number < count; number++) {
      const opened = await this.#ask(OPENER.sae, STREAMS, { destination: JOINER.sae, QOS });
      const ksid = String(opened["key_stream_ID"]);
      await this.#ask(JOINER.sae, STREAMS, { destination: OPENER.sae, QOS, key_stream_ID: ksid });
      ksids.push(ksid);
    }
    return ksids;
  }

  async closeStreams(ksids: readonly string[]): Promise<void> {
    for (const ksid of ksids) {
      for (const { sae } of [OPENER, JOINER]) await this.#ask(sae, `${STREAMS}/${ksid}/close`, {});
    }
  }

  /** @throws Error where it is refused. None of these answers holds key. */
  async #ask(who: string, path: string, body: object): Promise<Readonly<Record<string, unknown>>> {
    const answer = await this.edge.call(who, path, {
      method: "POST",
      body: JSON.stringify(body),
      headers: { "content-type": "application/json" },
    });
    const text = await answer.text();
    if (answer.status !== 200) throw new Error(`POST ${path} answered ${answer.status}: ${text.slice(0, 200)}`);
    return JSON.parse(text) as Readonly<Record<string, unknown>>;
  }
}
