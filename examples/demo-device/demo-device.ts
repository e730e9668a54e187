/** A pair of QKD devices in one process: two listeners over one store of keys. */
import http from "node:http";
import https from "node:https";
import type { AddressInfo } from "node:net";
import { serve } from "./api.ts";
import { type End, KeyStore, type StoreOptions } from "./key-store.ts";

export interface Listener {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
}

/** PEM: agents then have to show a certificate of this authority. */
export interface DeviceTls {
  readonly cert: string | Buffer;
  readonly key: string | Buffer;
  readonly ca: string | Buffer;
}

export interface DemoDeviceOptions extends Partial<StoreOptions> {
  readonly a: Listener;
  readonly b: Listener;
  readonly tls?: DeviceTls;
}

export interface DemoDevice {
  /** Base URL of each end's API. */
  readonly urls: Readonly<Record<End, string>>;
  readonly store: KeyStore;
  stop(): Promise<void>;
}

export const DEFAULTS = {
  ttlMs: 3_600_000,
  repeatMs: 30_000,
  rateBps: Infinity,
  maxKeys: 1_000_000,
  now: () => Date.now(),
};

export async function startDemoDevice(options: DemoDeviceOptions): Promise<DemoDevice> {
  const { a, b, tls, ...more } = options;
  const store = new KeyStore({ ...DEFAULTS, ...more });
  const ends = [
    ["a", a],
    ["b", b],
  ] as const;
  const listening = await Promise.all(
    ends.map(async ([end, listener]) => {
      const server = serverOf(store, end, tls);
      await listen(server, listener);
      const { port } = server.address() as AddressInfo;
      return { server, url: `${tls === undefined ? "http" : "https"}://${listener.host}:${port}` };
    }),
  );
  const [first, second] = listening;
  return {
    urls: { a: first?.url ?? "", b: second?.url ?? "" },
    store,
    stop: async () => {
      await Promise.all(listening.map(async ({ server }) => await close(server)));
    },
  };
}

function serverOf(store: KeyStore, end: End, tls: DeviceTls | undefined): http.Server | https.Server {
  const handler = (request: http.IncomingMessage, response: http.ServerResponse): void => {
    serve(store, end, request, response).catch(() => response.destroy());
  };
  if (tls === undefined) return http.createServer(handler);
  return https.createServer({ ...tls, requestCert: true, rejectUnauthorized: true, minVersion: "TLSv1.2" }, handler);
}

async function listen(server: http.Server | https.Server, { host, port }: Listener): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, resolve);
  });
}

async function close(server: http.Server | https.Server): Promise<void> {
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
