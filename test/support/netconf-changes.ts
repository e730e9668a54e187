/** For tests: changes of an IPsec host's configuration, as an agent has them made. */
import type { Change, Operation } from "../../tunnel/services/netconf/netconf-host.ts";

interface SaOptions {
  readonly operation?: Operation;
  readonly spi?: number;
  readonly reqid?: number;
  readonly key?: string;
  readonly iv?: string;
}

const KEY = Array.from({ length: 20 }, (_, at) => at.toString(16).padStart(2, "0")).join(":");

/** An SA by its name; of a removal no more than that. */
export function sa(
  name: string,
  { operation = "create", spi = 300, reqid = 1, key = KEY, iv }: SaOptions = {},
): Change {
  const rest =
    `<reqid>${reqid}</reqid><ipsec-sa-config><spi>${spi}</spi><seq-overflow>false</seq-overflow><traffic-selector>` +
    "<local-prefix>10.0.0.11/32</local-prefix><remote-prefix>10.0.0.20/32</remote-prefix></traffic-selector>" +
    `<mode>transport</mode><esp-sa><encryption><encryption-algorithm>20</encryption-algorithm><key>${key}</key>` +
    `${iv === undefined ? "" : `<iv>${iv}</iv>`}</encryption></esp-sa></ipsec-sa-config>`;
  const inner = operation === "delete" || operation === "remove" ? "" : rest;
  const text =
    '<ipsec-ikeless xmlns="urn:ietf:params:xml:ns:yang:ietf-i2nsf-ikeless"><sad><sad-entry>' +
    `<name>${name}</name>${inner}</sad-entry></sad></ipsec-ikeless>`;
  return { entry: { kind: "sad", name }, operation, config: new TextEncoder().encode(text) };
}
