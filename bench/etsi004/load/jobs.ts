/** What the load tool is told to do, and what it answers. Each job by its name: what it takes, what it gives. */
import type { EdgeEndpoint } from "../../load/connection.ts";
import type { LatencySummary } from "../../statistics.ts";

/** The two applications of a stream, at the edge: who opens it, and who joins. */
export interface EdgeEnds {
  readonly opener: EdgeEndpoint;
  readonly joiner: EdgeEndpoint;
}

export interface Rate extends LatencySummary {
  readonly perS: number;
}

export interface Jobs {
  /** GET_KEY by both ends in turns, on a connection each, of one stream a pair of connections; without pause. */
  "get-key": {
    takes: {
      readonly ends: EdgeEnds;
      /** As many as there are connections that ask at once. */
      readonly ksids: readonly string[];
      readonly warmUpMs: number;
      readonly measureMs: number;
      /** False where all chunks are the same. */
      readonly chunksAreUnique: boolean;
    };
    gives: Rate & { readonly checkedChunks: number };
  };
  /** OPEN_CONNECT with a KSID allocated, OPEN_CONNECT by the other end, CLOSE by both: one stream after the other. */
  opens: {
    takes: {
      readonly ends: EdgeEnds;
      /** The two applications, as they name each other. */
      readonly source: string;
      readonly destination: string;
      readonly chunkBytes: number;
      readonly count: number;
      /** First, and not timed. */
      readonly warmUp: number;
    };
    gives: { readonly open: LatencySummary; readonly join: LatencySummary; readonly close: LatencySummary };
  };
  /** GET_KEY by the frames of gs004-app-int over mutual TLS; what the other end gets is compared afterwards. */
  binary: {
    takes: {
      readonly port: number;
      readonly tls: TlsClient;
      readonly joiner: EdgeEndpoint;
      readonly ksid: string;
      readonly count: number;
      readonly warmUp: number;
    };
    gives: LatencySummary & { readonly checkedChunks: number };
  };
}

/** PEM. */
export interface TlsClient {
  readonly cert: string;
  readonly key: string;
  readonly ca: string;
}
