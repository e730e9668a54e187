/**
 * A demo pair of QKD devices that speak ETSI 014, for trying out the `etsi014-device` feed.
 *
 *   node examples/demo-device/device.ts --a 127.0.0.1:9100 --b 127.0.0.1:9101 [--rate-bps 100000] [--ttl-s 3600]
 *                                       [--cert F --key F --ca F]
 *
 * One process stands for both ends. Port 0 is any free one; the line it prints once it is ready tells both URLs.
 */
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { DEFAULTS, type Listener, startDemoDevice } from "./demo-device.ts";

const { values } = parseArgs({
  options: {
    a: { type: "string", default: "127.0.0.1:9100" },
    b: { type: "string", default: "127.0.0.1:9101" },
    "rate-bps": { type: "string" },
    "ttl-s": { type: "string" },
    cert: { type: "string" },
    key: { type: "string" },
    ca: { type: "string" },
  },
});

function listenerOf(text: string): Listener {
  const { host, port } = /^(?<host>.+):(?<port>[0-9]{1,5})$/.exec(text)?.groups ?? {};
  if (host === undefined || port === undefined) throw new Error(`${text}: shall be host:port`);
  return { host, port: Number(port) };
}

function numberOf(name: string, text: string | undefined, otherwise: number): number {
  if (text === undefined) return otherwise;
  const number = Number(text);
  if (!Number.isFinite(number) || number <= 0) throw new Error(`--${name}: shall be a number above 0`);
  return number;
}

const { cert, key, ca } = values;
const tls =
  cert === undefined || key === undefined || ca === undefined
    ? {}
    : { tls: { cert: readFileSync(cert), key: readFileSync(key), ca: readFileSync(ca) } };
const device = await startDemoDevice({
  a: listenerOf(values.a),
  b: listenerOf(values.b),
  rateBps: numberOf("rate-bps", values["rate-bps"], DEFAULTS.rateBps),
  ttlMs: 1000 * numberOf("ttl-s", values["ttl-s"], DEFAULTS.ttlMs / 1000),
  ...tls,
});
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => void device.stop());
process.stdout.write(`${JSON.stringify(device.urls)}\n`);
