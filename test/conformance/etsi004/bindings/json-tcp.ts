/** The hybridization module's JSON over TCP, on an agent's port. Both ends pass the same two URIs, and meet. */
import { failed } from "../../../../shared/etsi004/json-tcp/answers.ts";
import type { StatusName } from "../../../../shared/etsi004/status.ts";
import type { Ksid } from "../../../../shared/etsi004/types.ts";
import { askJson, type JsonAnswer, jsonClient, type LocalClient } from "../../../support/local-client.ts";
import {
  A,
  allBut,
  type Application,
  B,
  type Binding,
  type Call,
  type Got,
  type KeyWish,
  NO_KEY,
  type OpenWish,
  qosWish,
} from "../application.ts";
import { connectTo } from "./connect.ts";

const uriOf = ({ sae, node }: typeof A, label: string): string => `qkd://${sae}@${node}/${label}`;
const wordOf = ({ status, message }: JsonAnswer): string =>
  [status, message].filter((part) => typeof part === "string" || typeof part === "number").join(" ");

class JsonApplication implements Application {
  readonly #client: LocalClient<JsonAnswer>;

  constructor(client: LocalClient<JsonAnswer>) {
    this.#client = client;
  }

  async open({ qos, label = "" }: OpenWish) {
    const wish = qosWish(qos);
    const answer = await askJson(this.#client, "OPEN_CONNECT", {
      source: uriOf(A, label),
      destination: uriOf(B, label),
      qos: {
        key_chunk_size: wish.chunkBytes,
        max_bps: wish.maxBps,
        min_bps: wish.minBps,
        jitter: wish.jitterBps,
        priority: wish.priority,
        timeout: wish.timeoutMs,
        ttl: wish.ttlSeconds,
        metadata_mimetype: wish.metadataMimetype,
      },
    });
    return { word: wordOf(answer), ksid: (answer["key_stream_id"] ?? null) as Ksid | null, qos: null };
  }

  async getKey(ksid: Ksid, { index = 0 }: KeyWish = {}): Promise<Got> {
    const answer = await askJson(this.#client, "GET_KEY", { key_stream_id: ksid, index });
    const key = answer["key_buffer"] as number[] | undefined;
    if (key === undefined) return { ...NO_KEY, word: wordOf(answer) };
    return { ...NO_KEY, word: wordOf(answer), index, key: Buffer.from(key).toString("hex") };
  }

  async close(ksid: Ksid): Promise<string> {
    return wordOf(await askJson(this.#client, "CLOSE", { key_stream_id: ksid }));
  }
}

const FAILED: Readonly<Record<Call, string>> = {
  open: wordOf({ ...failed("no-source") }),
  "get-key": wordOf({ ...failed("no-key") }),
  close: wordOf({ ...failed("no-stream") }),
};

function says(call: Call, status: StatusName): readonly string[] {
  if (status === "success") return ["0"];
  // Nobody is told that it is alone.
  if (status === "peer-not-connected") return [];
  return [call !== "open" && status === "unknown-ksid" ? wordOf({ ...failed("no-stream") }) : FAILED[call]];
}

const CANNOT: Binding["reasons"] = {
  ksid: "OPEN_CONNECT names no KSID: it is made of the two URIs, and told once both ends have come",
  "qos-told": "the answer of OPEN_CONNECT has no QoS",
  qos: "its clients mean nothing by other members than the chunk's size and Timeout",
  next: "its clients always name an index",
  metadata: "the answer of GET_KEY has no metadata",
  "metadata-size": "the answer of GET_KEY has no metadata",
};

export const jsonTcp: Binding = {
  name: "json-tcp",
  profile: "json-tcp",
  ...allBut(CANNOT),
  connect: async (network, { node }) => new JsonApplication(jsonClient(await connectTo(network, "etsi004Json", node))),
  says,
};
