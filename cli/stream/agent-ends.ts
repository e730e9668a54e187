/**
 * Streams at the JSON/TCP listeners of two agents (or of two hybridization modules), a connection for each end of each stream. Nobody
 * passes a KSID there: both ends name the same two applications and are told which stream they have come to. So of
 * several that are opened at once, which end belongs to which shows afterwards.
 */
import { readMixture } from "../../shared/hybrid/mixture.ts";
import type { Address } from "../lib/address.ts";
import { CliFailure } from "../lib/failure.ts";
import { type End, errorOf, type OpenStreams, type Opening } from "./ends.ts";
import type { JsonTcpConnection } from "../../tunnel/services/etsi004-json/connection.ts";
import { openConnection } from "./json-tcp-connection.ts";
import type { Template } from "./template.ts";

interface Opened {
  readonly ksid: string;
  readonly end: End;
}

type Refused = { readonly error: Error };
type Attempt = Opened | Refused;

export function agentEnds(addresses: readonly [Address, Address]): OpenStreams {
  return async (template, count) => {
    const openAt = async (address: Address): Promise<readonly Attempt[]> =>
      await Promise.all(Array.from({ length: count }, async () => await openOne(address, template)));
    const [a, b] = await Promise.all([openAt(addresses[0]), openAt(addresses[1])]);
    return await pairUp(a, b, template.open.qos.chunkBytes);
  };
}

async function openOne(address: Address, template: Template): Promise<Attempt> {
  let connection: JsonTcpConnection | undefined;
  try {
    connection = await openConnection(address);
    const { key_stream_id: ksid } = await connection.ask(template.written);
    if (typeof ksid !== "string") throw new CliFailure("the answer to OPEN_CONNECT holds no key_stream_id");
    return { ksid, end: endOf(connection, ksid) };
  } catch (error) {
    connection?.end();
    return { error: errorOf(error) };
  }
}

const isOpened = (attempt: Attempt): attempt is Opened => "ksid" in attempt;

/** One outcome for each stream of the first address; what is left over at the second was opened with nobody, and is closed. */
async function pairUp(a: readonly Attempt[], b: readonly Attempt[], chunkBytes: number): Promise<readonly Opening[]> {
  const others = new Map(b.filter((attempt) => isOpened(attempt)).map((opened) => [opened.ksid, opened]));
  const refusals = b.filter((attempt): attempt is Refused => !isOpened(attempt));
  const openings: Opening[] = [];
  for (const attempt of a) {
    const other = isOpened(attempt) ? others.get(attempt.ksid) : undefined;
    if (!isOpened(attempt)) openings.push(together(attempt, refusals.pop()));
    else if (other === undefined) {
      await attempt.end.close().catch(() => undefined);
      openings.push(refusals.pop() ?? { error: new CliFailure("the other end has come to another stream") });
    } else {
      others.delete(attempt.ksid);
      openings.push({ pair: { ksid: attempt.ksid, chunkBytes, ends: [attempt.end, other.end] } });
    }
  }
  for (const { end } of others.values()) await end.close().catch(() => undefined);
  return openings;
}

/** An end that waited in vain does not know what the other one was told. */
const together = (one: Refused, other: Refused | undefined): Refused =>
  other === undefined || other.error.message === one.error.message
    ? one
    : { error: new CliFailure(`${one.error.message}; the other end: ${other.error.message}`) };

function endOf(connection: JsonTcpConnection, ksid: string): End {
  return {
    async getKey(index) {
      const { key, metadata } = await connection.getKey(ksid, index);
      return { key, mixture: readMixture(metadata) };
    },
    async close() {
      try {
        await connection.ask({ command: "CLOSE", data: { key_stream_id: ksid } });
      } finally {
        connection.end();
      }
    },
  };
}
