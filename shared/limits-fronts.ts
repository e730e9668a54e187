/** Bounds of the self-hosted edge's front processes: they end mutual TLS for clients of a KME, and listen for tunnelled ports. */
export const FRONTS = {
  frontConnections: 1024,
  /** Of one certificate, over all fronts of a process. */
  frontConnectionsPerCertificate: 256,
  /** Pause between two looks at whose certificates still count. */
  frontWatchMs: 250,
  /** Questions under way to the edge in one look: enough to hold their own against requests. How long one may take. */
  frontAsks: 64,
  frontAskMs: 3000,
  frontVerdictBytes: 16 * 1024,
  /** How long a new connection may stay whose certificate does not count: its first request is answered 401. */
  frontStrangerMs: 500,
  /** Requests under way to the edge at once; the rest wait in their connections. */
  frontRequests: 512,
  /** Of them, those of one certificate, over all fronts of a process: no SAE takes the edge from the others. */
  frontRequestsPerCertificate: 128,
  /** Bodies of key requests held until they are complete, over all fronts of a process. */
  frontBufferedBytes: 64 * 1024 * 1024,
  /** Batches of key requests on their way to the engine at once (until it begins to answer), and requests in one. */
  frontBatches: 1,
  frontBatchRequests: 64,
  /** Body of a request in a batch: larger ones travel by themselves. As JSON text it may be six times as long. */
  frontBatchedBodyBytes: 16 * 1024,
  frontCertificateBytes: 10 * 1024,
  frontHandshakeMs: 10_000,
  frontHeadersMs: 10_000,
  frontRequestMs: 30_000,
  /** Above `decWaitMs`, the longest the edge holds an answer back. */
  frontAnswerMs: 30_000,
  frontKeepAliveMs: 65_000,
  /** How long the rest of an upload is read after it has been answered. */
  lingerMs: 5000,
  /** How long a client may take to hang up that sent broken HTTP or has one connection too many, once told. */
  frontHangUpMs: 1000,
  /** TCP ports of the self-hosted edge's gateway; how old its list of sites may be, and how large an answer with it. */
  gatewayPorts: 64,
  gatewaySitesMs: 1000,
  gatewayAnswerBytes: 16 * 1024 * 1024,
  /** How long a new connection waits for the gateway's own link to the site's hub. */
  gatewayWaitMs: 5000,
} as const;
