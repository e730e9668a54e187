/** `--gateway-ports` and `--gateway-bind`: TCP ports of the gateway (tunnel/services/gateway), none unless asked for. */
import { isIP } from "node:net";
import { LIMITS } from "../../shared/limits.ts";
import { hostAndPort } from "../../tunnel/addresses.ts";
import { isLoopback } from "../../tunnel/config-values.ts";
import type { GatewayConfig } from "../../tunnel/services/gateway/config.ts";
import { StartFailure } from "./failure.ts";
import { checkPort, HOST } from "./ports.ts";

/** Null: no gateway. @throws StartFailure naming the option */
export function gatewayOptions(ports: string | undefined, bind: string | undefined): GatewayConfig | null {
  if (ports === undefined) {
    if (bind !== undefined) throw new StartFailure("--gateway-bind says where, but not which: give --gateway-ports");
    return null;
  }
  const numbers = ports.split(",").map((text) => (/^\d{1,5}$/.test(text) ? Number(text) : Number.NaN));
  if (!numbers.every((port) => port >= 1 && port <= 65_535)) {
    throw new StartFailure(`--gateway-ports takes ports, 1 to 65535, as in 9000,9001, not "${ports}"`);
  }
  const distinct = [...new Set(numbers)];
  if (distinct.length > LIMITS.gatewayPorts) {
    throw new StartFailure(`--gateway-ports takes at most ${LIMITS.gatewayPorts} ports`);
  }
  if (bind !== undefined && bind !== "*" && isIP(bind) === 0) {
    throw new StartFailure(`--gateway-bind takes an address of this machine, or * for all, not "${bind}"`);
  }
  return { bind: bind ?? HOST, ports: distinct };
}

/** @param kme ports by node, of what the same process listens on as well */
export async function checkGateway(
  { bind, ports }: GatewayConfig,
  kme: Readonly<Record<string, number>>,
): Promise<void> {
  for (const port of ports) {
    const [node] = Object.entries(kme).find(([, kmePort]) => kmePort === port) ?? [];
    if (node !== undefined && [HOST, "*", "0.0.0.0", "::"].includes(bind)) {
      throw new StartFailure(
        `port ${port}, for the gateway, is that of the KME of ${node}: take another, or start with --random-ports`,
      );
    }
    await checkPort(port, "the gateway", bind);
  }
}

/** For ports.json. */
export const gatewayPorts = (gateway: GatewayConfig | null): { readonly gateway?: Readonly<Record<string, string>> } =>
  gateway === null
    ? {}
    : { gateway: Object.fromEntries(gateway.ports.map((port) => [port, hostAndPort(gateway.bind, port)])) };

/** Said at every start: TCP clients show no proof of who they are. */
export const gatewayNotes = ({ bind, ports }: GatewayConfig): string[] =>
  isLoopback(bind)
    ? []
    : [
        `note: whoever reaches ${ports.map((port) => hostAndPort(bind, port)).join(", ")} reaches the services that sites expose there to @gateway: let a firewall say who`,
      ];
