/** What the fronts of one process have in hand at once, so bounded that no SAE takes the edge from the others. */
import { LIMITS } from "../../../shared/limits.ts";

export interface Visit {
  /** Accounts for this many more bytes in memory until the end of the visit; false: there is no room for them. */
  hold(bytes: number): boolean;
  /** Once is enough; more often does no harm. */
  leave(): void;
}

export interface Load {
  /** A connection opens; to be called once, when it closes, is what this returns. Undefined: one too many. */
  connect(fingerprint: string): (() => void) | undefined;
  /** A request comes in; undefined: its certificate has as many under way as it may. */
  enter(fingerprint: string): Visit | undefined;
}

export interface LoadBounds {
  readonly connectionsPerCertificate: number;
  readonly requestsPerCertificate: number;
  readonly bufferedBytes: number;
}

const BOUNDS: LoadBounds = {
  connectionsPerCertificate: LIMITS.frontConnectionsPerCertificate,
  requestsPerCertificate: LIMITS.frontRequestsPerCertificate,
  bufferedBytes: LIMITS.frontBufferedBytes,
};

export function createLoad(bounds: LoadBounds = BOUNDS): Load {
  const connections = new Tally(bounds.connectionsPerCertificate);
  const requests = new Tally(bounds.requestsPerCertificate);
  let bufferedBytes = 0;
  return {
    connect: (fingerprint) => connections.enter(fingerprint),
    enter(fingerprint) {
      const leaveRequests = requests.enter(fingerprint);
      if (leaveRequests === undefined) return undefined;
      let heldBytes = 0;
      let left = false;
      return {
        hold(bytes) {
          if (left || bufferedBytes + bytes > bounds.bufferedBytes) return false;
          bufferedBytes += bytes;
          heldBytes += bytes;
          return true;
        },
        leave() {
          if (left) return;
          left = true;
          bufferedBytes -= heldBytes;
          leaveRequests();
        },
      };
    },
  };
}

/** How many of something each has, up to a bound. */
class Tally {
  readonly #counts = new Map<string, number>();
  readonly #bound: number;

  constructor(bound: number) {
    this.#bound = bound;
  }

  /** @returns how to leave, which is to be called once; undefined: no room */
  enter(who: string): (() => void) | undefined {
    const before = this.#counts.get(who) ?? 0;
    if (before >= this.#bound) return undefined;
    this.#counts.set(who, before + 1);
    return () => {
      const rest = (this.#counts.get(who) ?? 1) - 1;
      if (rest > 0) this.#counts.set(who, rest);
      else this.#counts.delete(who);
    };
  }
}
