/** What the fronts of one process have in hand at once, so bounded that no SAE takes the edge from the others. */
import { LIMITS } from "../../../shared/limits.ts";

export interface Visit {
  /** Accounts for this many more bytes in memory until the end of the visit; false: there is no room for them. */
  hold(bytes: number): boolean;
  /** Once is enough; more often does no harm. */
  leave(): void;
}

export interface Load {
  /** A request comes in; undefined: its certificate has as many under way as it may. */
  enter(fingerprint: string): Visit | undefined;
}

export interface LoadBounds {
  readonly requestsPerCertificate: number;
  readonly bufferedBytes: number;
}

const BOUNDS: LoadBounds = {
  requestsPerCertificate: LIMITS.frontRequestsPerCertificate,
  bufferedBytes: LIMITS.frontBufferedBytes,
};

export function createLoad(bounds: LoadBounds = BOUNDS): Load {
  const underWay = new Map<string, number>();
  let bufferedBytes = 0;
  return {
    enter(fingerprint) {
      const before = underWay.get(fingerprint) ?? 0;
      if (before >= bounds.requestsPerCertificate) return undefined;
      underWay.set(fingerprint, before + 1);
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
          const rest = (underWay.get(fingerprint) ?? 1) - 1;
          if (rest > 0) underWay.set(fingerprint, rest);
          else underWay.delete(fingerprint);
        },
      };
    },
  };
}
