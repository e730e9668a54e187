/** Both ends of streams by the frames of ETSI's gs004-app-int, for the cases of `binary.ts`. */
import type { GetKeyResponse, OpenRequest } from "../../../../shared/etsi004/binary/messages.ts";
import type { Qos } from "../../../../shared/etsi004/qos.ts";
import type { Ksid } from "../../../../shared/etsi004/types.ts";
import { must } from "../../case.ts";
import { type Party, qosWish } from "../application.ts";
import { binaryAddresses } from "../bindings/binary.ts";
import type { WireStage } from "../stage.ts";
import { askBinary, type BinaryLine, openBinary } from "../wire/binary.ts";
import type { Ends } from "./wire-case.ts";

/** As ETSI's own client asks; servers may have least and most of each. */
const QOS: Qos = {
  chunkBytes: 32,
  maxBps: 5000,
  minBps: 1000,
  jitterBps: 10,
  priority: 0,
  timeoutMs: 5000,
  ttlSeconds: 3600,
  metadataMimetype: "application/json",
};
/** Statuses of an OPEN_CONNECT that has opened a stream. */
export const OPEN: ReadonlySet<number> = new Set([0, 7]);
/** For metadata. */
export const ROOM = 128;

/** Both ends' connections, for one case. */
export class BinaryEnds implements Ends {
  readonly #stage: WireStage;
  readonly #lines: BinaryLine[] = [];

  constructor(stage: WireStage) {
    this.#stage = stage;
  }

  async line(end: "a" | "b" = "a"): Promise<BinaryLine> {
    const line = await openBinary(this.#stage.parties[end].reach);
    this.#lines.push(line);
    return line;
  }

  request(end: "a" | "b" = "a", more: Partial<Omit<OpenRequest, "type">> = {}): OpenRequest {
    const { a, b } = this.#stage.parties;
    const [self, peer]: [Party, Party] = end === "a" ? [a, b] : [b, a];
    const addresses = binaryAddresses(self, peer);
    return { type: "open-request", ...addresses, qos: qosWish(self, { ...QOS, ...self.qos }), ksid: null, ...more };
  }

  /** A stream that is open at both ends. */
  async pair(qos: Partial<Qos> = {}) {
    const [a, b] = [await this.line("a"), await this.line("b")];
    const wish = this.request("a");
    const first = await askBinary(a, { ...wish, qos: { ...wish.qos, ...qos } });
    must(OPEN.has(first.status) && first.stream !== null, `OPEN_CONNECT says ${first.status}`);
    const { ksid } = first.stream;
    const second = await askBinary(b, this.request("b", { ksid }));
    must(OPEN.has(second.status), `OPEN_CONNECT of the peer says ${second.status}`);
    return { a, b, ksid, qos: first.stream.qos, status: first.status };
  }

  end(): void {
    for (const line of this.#lines.splice(0)) line.end();
  }
}

export const getKey = async (
  line: BinaryLine,
  ksid: Ksid,
  index: number,
  metadataSize = ROOM,
): Promise<GetKeyResponse> => await askBinary(line, { type: "get-key-request", ksid, index, metadataSize });

/** @returns the chunk */
export function mustGive(response: GetKeyResponse, index: number) {
  must(response.status === 0 && response.chunk !== null, `GET_KEY says ${response.status}`);
  must(response.chunk.index === index, `GET_KEY gives chunk ${response.chunk.index} in place of ${index}`);
  return response.chunk;
}

export const mustSay = (status: number, due: number, call: string): void =>
  must(status === due, `${call} says ${status}, and shall say ${due}`);

export function mustBeEqual(one: Uint8Array, other: Uint8Array): void {
  must(Buffer.compare(one, other) === 0, "the two ends have different bytes of one chunk", "M");
}

export async function nextGiven(line: BinaryLine): Promise<GetKeyResponse> {
  const response = await line.next();
  must(response?.type === "get-key-response", `a frame of type ${response?.type ?? "none"} comes in its turn`);
  return response;
}

export async function mustServe(ends: BinaryEnds): Promise<void> {
  const { status } = await askBinary(await ends.line(), ends.request());
  must(OPEN.has(status), `others are not served any more: OPEN_CONNECT says ${status}`);
}
