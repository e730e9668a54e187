/** The process of the KME fronts, seen from the starter. It also guards the engine: see tunnel/fronts.ts. */
import { type ChildProcess, fork } from "node:child_process";
import { join } from "node:path";
import type { FromFronts, ToFronts } from "../../tunnel/fronts.ts";
import type { FrontsConfig } from "../../tunnel/services/etsi014-tls/config.ts";
import type { GatewayConfig } from "../../tunnel/services/gateway/config.ts";
import { certificateFiles } from "./certificates.ts";
import { StartFailure } from "./failure.ts";
import { PROJECT } from "./paths.ts";

export interface Fronts {
  readonly process: ChildProcess;
  /** Ends this process too, should the starter die without a word. */
  guard(pid: number): void;
  /** It has ended. */
  release(pid: number): void;
  /** Starts the fronts; their URLs by node. */
  serve(config: FrontsConfig): Promise<Readonly<Record<string, string>>>;
  stop(): void;
}

/** In a process group of its own: Ctrl-C reaches the starter only. */
export function startFronts(): Fronts {
  const child = fork(join(PROJECT, "tunnel", "fronts.ts"), [], { detached: true, stdio: ["ignore", 2, 2, "ipc"] });
  const send = (message: ToFronts): void => {
    if (child.connected) child.send(message);
  };
  return {
    process: child,
    guard: (pid) => send({ type: "guard", pid }),
    release: (pid) => send({ type: "release", pid }),
    stop: () => send({ type: "stop" }),
    serve: (config) =>
      new Promise((resolve, reject) => {
        child.once("message", (message: FromFronts) => {
          if (message.type === "serving") resolve(message.urls);
          else reject(new StartFailure(`the KME fronts cannot start: ${message.message}`));
        });
        child.once("exit", () => reject(new StartFailure("the KME fronts ended at once")));
        send({ type: "serve", config });
      }),
  };
}

/** @param ports by node */
export function frontsConfig(
  certs: string,
  engineSocket: string,
  ports: Readonly<Record<string, number>>,
  { bind, gateway }: { readonly bind: string; readonly gateway: GatewayConfig | null },
): FrontsConfig {
  return {
    carrier: { type: "unix", path: engineSocket },
    ...(gateway === null ? {} : { gateway }),
    fronts: Object.entries(ports).map(([node, port]) => ({
      node,
      host: bind,
      port,
      ...certificateFiles(certs, node),
      ca: join(certs, "ca.crt"),
      crl: join(certs, "ca.crl"),
    })),
  };
}
