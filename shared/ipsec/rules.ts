/** What RFC 9061 asks of an entry beyond the types of its leaves: `when`, `must`, and what its descriptions say. */
import { addressFamily } from "./addresses.ts";
import type { Findings } from "./faults.ts";
import type { Dialect } from "./algorithms.ts";
import { sadAlgorithms, spdAlgorithms } from "./algorithm-rules.ts";
import type { SadConfig, SadEntry, SaConfig, SpdEntry, TrafficSelector, TunnelEnds } from "./model.ts";

/** RFC 4303 clause 2.1: 0 is for local use, 1 to 255 are IANA's. */
export const FIRST_FREE_SPI = 256;

const SA_CONFIG = "ipsec-policy-config/processing-info/ipsec-sa-cfg";

/** @returns the entry as it is to be used; what is wrong with it stands in `findings` */
export function spdRules(entry: SpdEntry, findings: Findings, dialect: Dialect): SpdEntry {
  const policy = entry["ipsec-policy-config"];
  selectorRules(policy["traffic-selector"], "ipsec-policy-config/traffic-selector", findings, dialect);
  const info = policy["processing-info"] ?? {};
  const config = info["ipsec-sa-cfg"];
  if (info.action !== "protect") {
    if (config !== undefined && Object.keys(config).length > 0) {
      findings.fault(SA_CONFIG, `only with action protect, and this is ${info.action ?? "discard"}`);
    }
    return entry;
  }
  modeRules(config ?? {}, SA_CONFIG, findings);
  const settled = spdAlgorithms(config ?? {}, SA_CONFIG, findings, dialect);
  return {
    ...entry,
    "ipsec-policy-config": { ...policy, "processing-info": { ...info, "ipsec-sa-cfg": settled } },
  };
}

/** @returns the entry as it is to be used; what is wrong with it stands in `findings` */
export function sadRules(entry: SadEntry, findings: Findings, dialect: Dialect): SadEntry {
  const at = "ipsec-sa-config";
  const config = entry[at];
  spiRules(config.spi, findings, dialect);
  selectorRules(config["traffic-selector"], `${at}/traffic-selector`, findings, dialect);
  modeRules(config, at, findings);
  lifetimeRules(config, at, findings);
  const encapsulation = config["encapsulation-type"] ?? {};
  for (const port of ["sport", "dport"] as const) {
    if (encapsulation[port] === 0 && (encapsulation.espencap ?? "none") !== "none") {
      findings.fault(`${at}/encapsulation-type/${port}`, "0 is no port");
    }
  }
  return { ...entry, [at]: sadAlgorithms(config, at, findings, dialect) };
}

function spiRules(spi: number, findings: Findings, { compat }: Dialect): void {
  const path = "ipsec-sa-config/spi";
  if (spi === 0) findings.fault(path, "0 is for a host's own use and shall not be sent (RFC 4303 clause 2.1)");
  else if (spi >= FIRST_FREE_SPI) return;
  else if (compat === "none")
    findings.fault(path, `${spi} is reserved: shall be ${FIRST_FREE_SPI} or more (RFC 4303 clause 2.1)`);
  else findings.warn(path, `${spi} is reserved by IANA (RFC 4303 clause 2.1): taken, as compat says`);
}

function selectorRules(selector: TrafficSelector, at: string, findings: Findings, { compat }: Dialect): void {
  const families = [selector["local-prefix"], selector["remote-prefix"]].map(addressFamily);
  if (families[0] !== families[1]) findings.fault(at, "local-prefix and remote-prefix are of different IP versions");
  if (compat !== "none" && families.includes(6)) findings.warn(at, "the CCIPS agent takes IPv4 only");
  for (const list of ["local-ports", "remote-ports"] as const) {
    for (const { start, end } of selector[list] ?? []) {
      if (end < start) findings.fault(`${at}/${list}`, `end ${end} shall not be below start ${start}`);
    }
  }
}

function modeRules(config: SaConfig | SadConfig, at: string, findings: Findings): void {
  const { mode, tunnel } = config;
  if (mode === "tunnel") {
    if (tunnel === undefined) findings.fault(`${at}/tunnel`, "is missing: mode is tunnel");
    else tunnelRules(tunnel, `${at}/tunnel`, findings);
  } else if (tunnel !== undefined) findings.fault(`${at}/tunnel`, "only with mode tunnel, and this is transport");
}

function tunnelRules(tunnel: TunnelEnds, at: string, findings: Findings): void {
  if (addressFamily(tunnel.local) !== addressFamily(tunnel.remote)) {
    findings.fault(at, "local and remote are of different IP versions");
  }
  if ((tunnel["dscp-mapping"] ?? []).length > 0 && tunnel["bypass-dscp"] !== false) {
    findings.fault(`${at}/dscp-mapping`, "only with bypass-dscp false");
  }
}

const LIMITED = ["time", "bytes", "packets", "idle"] as const;

/** A soft lifetime tells that the hard one is near: it has to come first. */
function lifetimeRules(config: SadConfig, at: string, findings: Findings): void {
  const [hard, soft] = [config["sa-lifetime-hard"] ?? {}, config["sa-lifetime-soft"] ?? {}];
  for (const limit of LIMITED) {
    const [last, first] = [BigInt(hard[limit] ?? 0), BigInt(soft[limit] ?? 0)];
    if (last === 0n || first < last) continue;
    const path = `${at}/sa-lifetime-soft/${limit}`;
    if (first === last) findings.warn(path, "is as long as the hard one: there is no time in between to rekey");
    else findings.fault(path, `${first} is beyond the hard one, ${last}`);
  }
}
