/** Whether a local service could be served. The port may be taken by the very agent that serves it. */
import { isInsecure, placeOf, type Etsi004Config } from "../../services/etsi004/config.ts";
import { secureContextOf } from "../../services/etsi004/tcp-service.ts";
import { codeOf } from "../../log.ts";
import { KMS_PORTS, type OpenQkdNetworkConfig, placeOfKms } from "../../services/open-qkd-network/config.ts";
import { firstLine } from "../../services/netconf/secret-files.ts";
import type { SignInConfig } from "../../services/open-qkd-network/sign-in.ts";
import { AgentFailure } from "../failure.ts";
import net from "node:net";
import { reasonOf } from "../reason.ts";
import { bad, type Finding, good } from "./finding.ts";

export async function checkLocal(config: Etsi004Config): Promise<Finding> {
  const name = `etsi004 ${placeOf(config)}, for ${config.sae} at ${config.node}`;
  if ("tls" in config && config.tls !== undefined) {
    try {
      secureContextOf(config.tls);
    } catch (thrown) {
      if (!(thrown instanceof AgentFailure)) throw thrown;
      return bad(`${name}: ${thrown.message}`);
    }
  }
  const trouble = await portTrouble(config);
  if (trouble !== null) return bad(`${name}: ${trouble}`);
  const note = isInsecure(config) ? " (insecure_lan: whoever may connect is given key in clear text)" : "";
  return good(`${name}${note}`);
}

export async function checkKms(config: OpenQkdNetworkConfig): Promise<readonly Finding[]> {
  const name = `open_qkd_network of ${config.node}`;
  const ports = KMS_PORTS.map(async (which) => {
    const place = placeOfKms(config, which);
    const trouble = await portTrouble(place);
    const note = isInsecure(config) ? " (insecure_lan: passwords and keys cross the network in clear text)" : "";
    const where = `${name}, ${which}: ${place.address} port ${place.port}`;
    return trouble === null ? good(`${where}${note}`) : bad(`${where}: ${trouble}`);
  });
  const { sign_in: signIn } = config;
  return [...(await Promise.all(ports)), ...(signIn === undefined ? [] : [await checkSignIn(signIn, name)])];
}

async function checkSignIn({ client, secret_file: file }: SignInConfig, name: string): Promise<Finding> {
  try {
    if ((await firstLine(file)) === "") return bad(`${name}: sign_in: ${file} is empty`);
    return good(`${name}: whoever asks without a token gets keys as the client ${client}`);
  } catch (thrown) {
    return bad(`${name}: sign_in: ${reasonOf(thrown)}`);
  }
}

/** In use is how a running agent has it. */
export function portTrouble({ address, port }: Pick<Etsi004Config, "address" | "port">): Promise<string | null> {
  const { promise, resolve } = Promise.withResolvers<string | null>();
  const server = net.createServer();
  server.once("error", (error) => resolve(codeOf(error) === "EADDRINUSE" ? null : reasonOf(error)));
  server.listen({ port, ...(address === "*" ? {} : { host: address }) }, () => server.close(() => resolve(null)));
  return promise;
}
