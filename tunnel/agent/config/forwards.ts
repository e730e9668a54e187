/** `-R` and `-L` as ssh has them (ssh(1)), but that `-L` names a site and its service where ssh has a host and port. */
import { err, ok, type Result } from "../../../shared/result.ts";

export interface RemoteForward {
  /** Null: none was given. ssh's `*` and empty text stay what they are. */
  readonly bind: string | null;
  /** 0: any that is free. */
  readonly port: number;
  readonly host: string;
  readonly hostPort: number;
}

export interface LocalForward {
  readonly bind: string | null;
  readonly port: number;
  readonly site: string;
  readonly service: string;
}

const REMOTE = "[bind:]port:host:port";
const LOCAL = "[bind:]port:site/service";

/** @returns what is wrong with it, where it is no such text */
export function parseRemoteForward(text: string): Result<RemoteForward, string> {
  const { bind, rest } = split(text, 3);
  const [port, host, hostPort] = rest;
  if (port === undefined || host === undefined || hostPort === undefined) {
    return err(`-R ${text}: shall be ${REMOTE}, with IPv6 addresses in brackets`);
  }
  const [number, target] = [portOf(port, 0), portOf(hostPort, 1)];
  if (number === null) return err(`-R ${text}: "${port}" is no port (0 to 65535)`);
  if (target === null) return err(`-R ${text}: "${hostPort}" is no port (1 to 65535)`);
  if (host === "") return err(`-R ${text}: the host is missing`);
  return ok({ bind, port: number, host, hostPort: target });
}

/** @returns what is wrong with it, where it is no such text */
export function parseLocalForward(text: string): Result<LocalForward, string> {
  const { bind, rest } = split(text, 2);
  const [port, target] = rest;
  const [, site, service] = /^([^/]+)\/([^/]+)$/.exec(target ?? "") ?? [];
  if (port === undefined || site === undefined || service === undefined) {
    return err(`-L ${text}: shall be ${LOCAL}, with IPv6 addresses in brackets`);
  }
  const number = portOf(port, 0);
  if (number === null) return err(`-L ${text}: "${port}" is no port (0 to 65535)`);
  return ok({ bind, port: number, site, service });
}

const MOST_PARTS = 4;

/** @returns an empty rest where the text has neither `count` parts nor one more, the bind address */
function split(text: string, count: number): { readonly bind: string | null; readonly rest: readonly string[] } {
  const parts = partsOf(text) ?? [];
  if (parts.length === count) return { bind: null, rest: parts };
  const [bind = null, ...rest] = parts;
  return { bind, rest: parts.length === count + 1 ? rest : [] };
}

/** Split at colons outside of brackets, which are taken off; null where that is not what the text is. */
function partsOf(text: string): readonly string[] | null {
  const parts: string[] = [];
  const part = /(?:\[([^[\]]+)\]|([^:[\]]*))(:|$)/uy;
  for (let more = true; more;) {
    const found = part.exec(text);
    if (found === null || parts.length === MOST_PARTS) return null;
    parts.push(found[1] ?? found[2] ?? "");
    more = found[3] === ":";
  }
  return parts;
}

function portOf(text: string, least: 0 | 1): number | null {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  return port >= least && port <= 65_535 ? port : null;
}
