/** qkd-module 0.9: bodies as Python's `repr` writes them, answers that JSON reads as well. */
import { V09_STATUS } from "../../../../shared/etsi004/qkd-module/codes.ts";
import type { StatusName } from "../../../../shared/etsi004/status.ts";
import type { Ksid } from "../../../../shared/etsi004/types.ts";
import {
  allBut,
  type Application,
  type Binding,
  type Call,
  type Got,
  type KeyWish,
  NO_KEY,
  type OpenWish,
  type Party,
  qosWish,
} from "../application.ts";
import { atAgent, atEdge, type Door, type Reach } from "./module-doors.ts";

const FIRST_AVAILABLE = -1;
const BITS_PER_BYTE = 8;

class LiteralApplication implements Application {
  readonly #door: Door;
  readonly #self: Party;
  readonly #peer: Party;

  constructor(door: Door, self: Party, peer: Party) {
    this.#door = door;
    this.#self = self;
    this.#peer = peer;
  }

  async open({ ksid, qos }: OpenWish) {
    const { chunkBytes, timeoutMs } = qosWish(qos);
    const asked = ksid === undefined ? "None" : `'${ksid}'`;
    const wishes = `{'timeout': ${timeoutMs}, 'length': ${chunkBytes * BITS_PER_BYTE}}`;
    const [opened, status] = (await this.#ask(
      "/open_connect",
      `['${this.#self.sae}', '${this.#peer.sae}', ${wishes}, ${asked}]`,
    )) as [Ksid | "", number];
    return { word: String(status), ksid: opened === "" ? null : opened, qos: null };
  }

  async getKey(ksid: Ksid, { index = FIRST_AVAILABLE }: KeyWish = {}): Promise<Got> {
    const answer = await this.#ask("/get_key", `['${ksid}', ${index}, None]`);
    const [key, given, status] = answer as [number[] | "", number, number];
    if (key === "") return { ...NO_KEY, word: String(status) };
    return { ...NO_KEY, word: String(status), index: given, key: Buffer.from(key).toString("hex") };
  }

  async close(ksid: Ksid): Promise<string> {
    return String(await this.#ask("/close", `['${ksid}']`));
  }

  async #ask(path: string, body: string): Promise<unknown> {
    return JSON.parse((await this.#door(path, body)).text) as unknown;
  }
}

/** V1.1.1 has one status for each call that failed. */
const FAILED: Readonly<Record<Call, number>> = {
  open: V09_STATUS.NO_QKD_CONNECTION_AVAILABLE,
  "get-key": V09_STATUS.INSUFFICIENT_KEY_AVAILABLE,
  close: V09_STATUS.NO_QKD_CONNECTION_AVAILABLE,
};
const SUCCEEDED: ReadonlySet<StatusName> = new Set(["success", "peer-not-connected"]);

const CANNOT: Binding["reasons"] = {
  "qos-told": "the answer of open_connect has no QoS",
  qos: "its QoS has `length` and `timeout` only",
  mimetype: "its QoS has no type of metadata",
  metadata: "the answer of get_key has no metadata",
  "metadata-size": "the answer of get_key has no metadata",
};

const literals = (name: string, reach: Reach): Binding => ({
  name,
  profile: "qkd-module-0.9",
  ...allBut(CANNOT),
  connect: (network, self, peer) => Promise.resolve(new LiteralApplication(reach(network, self), self, peer)),
  says: (call, status) => [String(SUCCEEDED.has(status) ? V09_STATUS.SUCCESSFUL : FAILED[call])],
});

export const moduleLiterals = literals("qkd-module-0.9", atEdge);
export const moduleLiteralsAtAgent = literals("qkd-module-0.9, agent", atAgent);
