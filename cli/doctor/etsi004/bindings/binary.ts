/** The frames of ETSI's gs004-app-int. */
import { PROFILES } from "../../../../shared/etsi004/profiles.ts";
import { STATUS, type StatusName } from "../../../../shared/etsi004/status.ts";
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
  type Said,
  saidCode,
} from "../application.ts";
import { askBinary, type BinaryLine, openBinary } from "../wire/binary.ts";

/** For metadata, where a case does not care: ETSI's Python port gives no key without. */
const ROOM = 128;

/** What one end of its streams names. */
export const binaryAddresses = (self: Party, peer: Party) => ({
  source: self.address ?? `client://${self.sae}`,
  destination: peer.address ?? `server://${peer.sae}`,
});

class BinaryApplication implements Application {
  readonly #line: BinaryLine;
  readonly #self: Party;
  readonly #peer: Party;

  constructor(line: BinaryLine, self: Party, peer: Party) {
    this.#line = line;
    this.#self = self;
    this.#peer = peer;
  }

  async open({ ksid, qos }: OpenWish) {
    const { status, stream } = await askBinary(this.#line, {
      type: "open-request",
      ...binaryAddresses(this.#self, this.#peer),
      qos: qosWish(this.#self, qos),
      ksid: ksid ?? null,
    });
    return { said: saidCode(status), ksid: stream?.ksid ?? null, qos: stream?.qos ?? null };
  }

  async getKey(ksid: Ksid, { index = 0, metadataSize = ROOM }: KeyWish = {}): Promise<Got> {
    const answer = await askBinary(this.#line, { type: "get-key-request", ksid, index, metadataSize });
    const { status, chunk, neededSize } = answer;
    if (chunk === null) return { ...NO_KEY, said: saidCode(status), neededSize };
    return {
      said: saidCode(status),
      index: chunk.index,
      key: Buffer.from(chunk.key).toString("hex"),
      metadata: chunk.metadata === "" ? null : chunk.metadata,
      neededSize,
    };
  }

  async close(ksid: Ksid): Promise<Said> {
    return saidCode((await askBinary(this.#line, { type: "close-request", ksid })).status);
  }

  end(): void {
    this.#line.end();
  }
}

function says(call: Call, status: StatusName): readonly Said[] {
  if (status === "unknown-ksid") return [saidCode(PROFILES.binary.unknownKsid)];
  // A frame with status 1 has no room for the KSID that was allocated.
  if (call === "open" && status === "peer-not-connected") return [saidCode(STATUS.success)];
  return [saidCode(STATUS[status])];
}

const CANNOT: Binding["reasons"] = { next: "a frame of GET_KEY always has an index" };

export const binary: Binding = {
  name: "binary",
  profile: "binary",
  ...allBut(CANNOT),
  connect: async (self, peer) => new BinaryApplication(await openBinary(self.reach), self, peer),
  says,
};
