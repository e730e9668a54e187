/** Whether the host is the one that was meant: before that is known, nothing is sent to it but the key exchange. */
import { Client } from "ssh2";
import { ok, type Result } from "../../../shared/result.ts";
import { reasonOf } from "../../agent/reason.ts";
import type { NetconfConfig } from "./config.ts";
import { failed, failure, type NetconfFailure } from "./failure.ts";
import { fingerprintOf, knownHostsLine, type Pins, pinsIn, pinsOf, typeOf } from "./known-hosts.ts";
import { readIfThere } from "./secret-files.ts";

type Where = Pick<NetconfConfig, "host" | "port">;

/** Null: none are pinned as yet. */
export async function pinsFor(config: NetconfConfig): Promise<Pins | null> {
  const { host, port, host_key: written, host_key_file: file } = config;
  if (written !== undefined) return pinsOf(written);
  const lines = file === undefined ? null : await readIfThere(file);
  const pins = lines === null ? null : pinsIn(lines.toString("utf8"), host, port);
  return pins === null || pins.keys.length + pins.revoked.length === 0 ? null : pins;
}

/** RSA keys sign in several ways (RFC 8332); SHA-1 is none of them. */
const SIGNATURES: Readonly<Record<string, readonly string[]>> = { "ssh-rsa": ["rsa-sha2-512", "rsa-sha2-256"] };
const ALL_TYPES = ["ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521", "ssh-rsa"];

/** What is asked for: a host may have several keys, and is to show the one that is known. */
export function signaturesFor(pins: Pins | null): readonly string[] {
  const known = pins?.keys.flatMap(({ type }) => (type === null ? ALL_TYPES : [type])) ?? [];
  const types = known.length === 0 ? ALL_TYPES : ALL_TYPES.filter((type) => known.includes(type));
  return types.flatMap((type) => SIGNATURES[type] ?? [type]);
}

/** @returns why the key that the host shows is not taken; null: it is */
export function hostKeyFault(key: Buffer, pins: Pins | null, config: NetconfConfig): NetconfFailure | null {
  const fingerprint = fingerprintOf(key);
  const place = `${config.host} port ${config.port}`;
  const shown = `${place} shows ${typeOf(key)} ${fingerprint}`;
  if (pins === null) {
    const what =
      config.host_key_file === undefined
        ? `host_key = "${fingerprint}"`
        : `into ${config.host_key_file}: ${knownHostsLine(config.host, config.port, key)}`;
    const words = `no SSH key of the host is pinned. ${shown}. If the host has that key, write ${what}`;
    return failure("host-key-unknown", words, { fingerprint });
  }
  const isPinned = pins.keys.some((pin) => pin.fingerprint === fingerprint) && !pins.revoked.includes(fingerprint);
  return isPinned ? null : failure("wrong-host-key", `${shown}, which is not the pinned key`, { fingerprint });
}

export interface HostKey {
  /** As the protocol has it (RFC 4253 clause 6.6). */
  readonly key: Buffer;
  readonly type: string;
  readonly fingerprint: string;
  /** For the file that `host_key_file` names, or for `host_key`. */
  readonly line: string;
}

/** The key that the host shows, for somebody to look at before it is pinned. Nobody is logged in, nothing is sent. */
export function fetchHostKey({ host, port }: Where, timeoutMs: number): Promise<Result<HostKey, NetconfFailure>> {
  const { promise, resolve } = Promise.withResolvers<Result<HostKey, NetconfFailure>>();
  const client = new Client();
  const hostVerifier = (key: Buffer): boolean => {
    resolve(ok({ key, type: typeOf(key), fingerprint: fingerprintOf(key), line: knownHostsLine(host, port, key) }));
    return false;
  };
  client.on("error", (error) => resolve(failed("host-unreachable", `${host} port ${port}: ${reasonOf(error)}`)));
  client.on("close", () => resolve(failed("host-unreachable", `${host} port ${port}: it hung up`)));
  client.connect({
    host,
    port,
    username: "nobody",
    readyTimeout: timeoutMs,
    algorithms: { serverHostKey: [...signaturesFor(null)] as never },
    hostVerifier,
  });
  return promise.finally(() => client.destroy());
}
