/** SSH host keys as people write them down: fingerprints, and lines of OpenSSH's known_hosts (sshd(8)). */
import { createHash, createHmac, timingSafeEqual } from "node:crypto";

export interface PinnedKey {
  /** `SHA256:...`, without padding. */
  readonly fingerprint: string;
  /** `ssh-ed25519` ...; null where only a fingerprint is known. */
  readonly type: string | null;
}

export interface Pins {
  readonly keys: readonly PinnedKey[];
  /** Whoever shows one of them is refused. */
  readonly revoked: readonly string[];
}

const FINGERPRINT = /^SHA256:[A-Za-z0-9+/]{43}$/;
const TYPE = /^(?:ssh-(?:ed25519|rsa)|ecdsa-sha2-nistp(?:256|384|521))$/;
const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;
const DEFAULT_PORT = 22;

export const fingerprintOf = (key: Uint8Array): string =>
  `SHA256:${createHash("sha256").update(key).digest("base64").replace(/=+$/, "")}`;

/** RFC 4253 6.6: a key begins with its own type's name. */
export function typeOf(key: Buffer): string {
  const length = key.length < 4 ? 0 : key.readUInt32BE(0);
  return key.toString("latin1", 4, 4 + Math.min(length, 64));
}

/** What is wrong with `host_key`; null: nothing. */
export const pinProblem = (written: string): string | null =>
  FINGERPRINT.test(written.trim()) || keyOf(written.trim().split(/\s+/)) !== null
    ? null
    : "shall be SHA256:... or a line of known_hosts";

/** Of `host_key`: it stands beside the host, so that names in the line do not matter. */
export function pinsOf(written: string): Pins {
  const key = FINGERPRINT.test(written.trim())
    ? { fingerprint: written.trim(), type: null }
    : keyOf(written.trim().split(/\s+/));
  return { keys: key === null ? [] : [key], revoked: [] };
}

/** Of a file: the lines that are about this host. Certificates of hosts are passed over. */
export function pinsIn(file: string, host: string, port: number): Pins {
  const keys: PinnedKey[] = [];
  const revoked: string[] = [];
  for (const line of file.split("\n")) {
    const words = line.trim().split(/\s+/);
    const marker = words[0]?.startsWith("@") === true ? words.shift() : undefined;
    const [hosts = ""] = words;
    const key = hosts.startsWith("#") ? null : keyOf(words.slice(1));
    if (key === null || !isAbout(hosts, host, port)) continue;
    if (marker === undefined) keys.push(key);
    else if (marker === "@revoked") revoked.push(key.fingerprint);
  }
  return { keys, revoked };
}

/** A line for such a file. */
export const knownHostsLine = (host: string, port: number, key: Buffer): string =>
  `${nameOf(host, port)} ${typeOf(key)} ${key.toString("base64")}`;

const nameOf = (host: string, port: number): string => (port === DEFAULT_PORT ? host : `[${host}]:${port}`);

/** From the first two words that are one: hosts may stand before. */
function keyOf(words: readonly string[]): PinnedKey | null {
  const at = words.findIndex((word) => TYPE.test(word));
  const [type, base64 = ""] = at === -1 || at > 1 ? [] : words.slice(at);
  if (type === undefined || !BASE64.test(base64)) return null;
  const key = Buffer.from(base64, "base64");
  return typeOf(key) === type ? { fingerprint: fingerprintOf(key), type } : null;
}

/** Names with commas between, of which some may be hashed, or negated; `*` and `?` as in a shell. */
function isAbout(hosts: string, host: string, port: number): boolean {
  const name = nameOf(host.toLowerCase(), port);
  const patterns = hosts.split(",");
  const isNamed = (pattern: string): boolean =>
    pattern.startsWith("|") ? isHashOf(pattern, name) : likeShell(pattern.toLowerCase()).test(name);
  return (
    patterns.some((pattern) => !pattern.startsWith("!") && isNamed(pattern)) &&
    !patterns.some((pattern) => pattern.startsWith("!") && isNamed(pattern.slice(1)))
  );
}

function likeShell(pattern: string): RegExp {
  const escaped = pattern.replaceAll(/[.+^${}()|[\]\\]/g, String.raw`\$&`);
  return new RegExp(`^${escaped.replaceAll(/\*+/g, ".*").replaceAll("?", ".")}$`);
}

/** `|1|salt|HMAC-SHA1`, as `HashKnownHosts yes` writes it. */
function isHashOf(pattern: string, name: string): boolean {
  const [, version, salt = "", hash = ""] = pattern.split("|");
  if (version !== "1") return false;
  const made = createHmac("sha1", Buffer.from(salt, "base64")).update(name).digest();
  const written = Buffer.from(hash, "base64");
  return made.length === written.length && timingSafeEqual(made, written);
}
