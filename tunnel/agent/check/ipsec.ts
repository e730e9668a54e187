/** Whether the IPsec host of an `[[ipsec]]` could be used, step by step, and whether it would get keys. */
import { LIMITS } from "../../../shared/limits.ts";
import { placeOf } from "../../place.ts";
import { isInsecure } from "../../services/etsi004/config.ts";
import type { IpsecConfig } from "../../services/ipsec/config.ts";
import { fetchHostKey, pinsFor } from "../../services/netconf/host-key.ts";
import { makeNetconfHost } from "../../services/netconf/make-netconf-host.ts";
import { reasonOf } from "../reason.ts";
import { dial } from "../services/dial.ts";
import { bad, type Finding, good } from "./finding.ts";
import { portTrouble } from "./local.ts";

/** Of the host stops at the first step that fails. */
export async function checkIpsec(config: IpsecConfig): Promise<readonly Finding[]> {
  const name = `ipsec of ${config.node}`;
  return [...(await checkHost(config, name)), ...(await checkKeys(config, name)), ...(await checkListen(config, name))];
}

async function checkHost({ netconf }: IpsecConfig, name: string): Promise<readonly Finding[]> {
  const where = `${name}: ${netconf.host} port ${netconf.port}`;
  const shown = await fetchHostKey(netconf, netconf.timeout_ms);
  if (!shown.ok) return [bad(`${name}: ${shown.error.message}`)];
  const { type, fingerprint } = shown.value;
  const there = good(`${where} can be reached`);
  try {
    if ((await pinsFor(netconf)) === null) {
      return [there, bad(`${name}: shows ${type} ${fingerprint}, and none is pinned: qkd-agent host-key agent.toml`)];
    }
  } catch (thrown) {
    return [there, bad(`${name}: host_key_file: ${reasonOf(thrown)}`)];
  }
  return [there, await checkSession({ netconf }, name)];
}

/** One session tells of the key, the login and the model. */
async function checkSession({ netconf }: Pick<IpsecConfig, "netconf">, name: string): Promise<Finding> {
  const host = makeNetconfHost(netconf);
  try {
    const read = await host.read([{ kind: "sad", name: "qkd-agent-check" }]);
    const { capabilities } = host.status();
    if (!read.ok) return bad(`${name}: ${read.error.message}`);
    if (capabilities?.hasModel === false) return bad(`${name}: the host does not announce ietf-i2nsf-ikeless`);
    const { version, isCandidate, isNotification } = capabilities ?? {};
    const has = [isCandidate === true ? "candidate" : "running only", ...(isNotification === true ? [] : [SILENT])];
    return good(
      `${name}: its SSH key is the pinned one, the login is right, NETCONF ${version ?? ""}, ${has.join(", ")}`,
    );
  } finally {
    await host.close();
  }
}

const SILENT = "no notifications: SAs are made anew by time only";

async function checkKeys({ sae, hybrid_module: module }: IpsecConfig, name: string): Promise<readonly Finding[]> {
  const place = module === undefined ? null : placeOf(module);
  if (place === null) return [good(`${name}: hybrid keys by [hybrid], for ${sae ?? ""}`)];
  const socket = await dial(place, AbortSignal.timeout(LIMITS.agentDialMs));
  if (!socket.ok) return [bad(`${name}: hybrid_module ${module ?? ""} cannot be reached: ${socket.error}`)];
  socket.value.destroy();
  return [good(`${name}: hybrid keys from ${module ?? ""}`)];
}

async function checkListen({ listen }: IpsecConfig, name: string): Promise<readonly Finding[]> {
  if (listen === undefined) return [];
  const where = `${name}: controllers at ${listen.address} port ${listen.port}`;
  const trouble = await portTrouble(listen);
  if (trouble !== null) return [bad(`${where}: ${trouble}`)];
  return [good(`${where}${isInsecure(listen) ? " (insecure_lan: whoever may connect can set up IPsec)" : ""}`)];
}
