/** `--edge-bind` and `--kme-bind`: which addresses of this machine, or of its container, are listened on. */
import { isIP } from "node:net";
import { hostAndPort, isWildcard } from "../../tunnel/addresses.ts";
import { isLoopback } from "../../tunnel/config-values.ts";
import { StartFailure } from "./failure.ts";
import { HOST } from "./ports.ts";

/** @throws StartFailure naming the option */
export function bindOptions(edge = HOST, kme = HOST): { readonly edgeBind: string; readonly kmeBind: string } {
  if (!isLoopback(edge) && !(isIP(edge) !== 0 && isWildcard(edge))) {
    throw new StartFailure(
      `--edge-bind takes 0.0.0.0 or ::, as in a container, or an address of the loopback, not "${edge}": the edge speaks plain HTTP, others reach it through a TLS proxy`,
    );
  }
  if (isIP(kme) === 0) {
    throw new StartFailure(`--kme-bind takes an address of this machine, 0.0.0.0 or :: for all, not "${kme}"`);
  }
  return { edgeBind: edge, kmeBind: kme };
}

/** Said at every start. */
export const bindNotes = (edge: string, port: number): readonly string[] =>
  isLoopback(edge)
    ? []
    : [`note: the edge speaks plain HTTP on ${hostAndPort(edge, port)}: let only loopback or a TLS proxy reach it`];
