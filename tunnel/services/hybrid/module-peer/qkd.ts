/**
 * The QKD source of a session with a module. The module opens a stream of its own at its QKD node with the JSON protocol,
 * under fixed names of applications; here the same stream is opened at the edge, for the node's application.
 */
import { STATUS } from "../../../../shared/etsi004/status.ts";
import type { Qos } from "../../../../shared/etsi004/qos.ts";
import type { Ksid } from "../../../../shared/etsi004/types.ts";
import { LIMITS } from "../../../../shared/limits.ts";
import { err, ok, type Result } from "../../../../shared/result.ts";
import type { EdgeStreams } from "../../etsi004/edge-streams.ts";
import type { OpenLanes } from "../../etsi004-json/lanes.ts";
import { openByLane } from "../../etsi004-json/open.ts";

export interface ModuleQkdWish {
  /** With the binding `json-tcp`, as the module's QKD node has it. */
  readonly streams: EdgeStreams;
  /** Of all sessions of this application: several may be open to the same node. */
  readonly lanes: OpenLanes;
  /** UUIDs of the nodes, as the two URIs have them. */
  readonly sourceUuid: string;
  readonly destinationUuid: string;
  /** As the application asks for the hybrid stream: a module passes it on. */
  readonly qos: Qos;
  /** The module's QKD node takes its index 0 for the next chunk: `index_zero_is_next`. */
  readonly counts: boolean;
}

export interface ModuleQkd {
  /**
   * What the module's QKD node gives it. A module asks for index 0 whatever it has had: the first chunk, which a stream gives
   * once, so that there is QKD key for one hybrid key of a session; or, where its node counts, for the n-th key chunk n - 1.
   * That is asked for by its number: one whose answer was lost shall be missed, and not pass for the one after it. Whoever
   * has the key wipes it. The error is the reason, for people.
   */
  key(signal: AbortSignal): Promise<Result<Uint8Array, string>>;
  close(): Promise<void>;
}

/** As which applications modules open their streams, whoever asks them. */
const SOURCE_APPLICATION = "Application1";
const DESTINATION_APPLICATION = "Application4";

/** Until the module has opened it too. The error is the reason, for people. */
export async function moduleQkd(
  { streams, lanes, sourceUuid, destinationUuid, qos, counts }: ModuleQkdWish,
  signal: AbortSignal,
): Promise<Result<ModuleQkd, string>> {
  const source = `qkd://${SOURCE_APPLICATION}@${sourceUuid}`;
  const destination = `qkd://${DESTINATION_APPLICATION}@${destinationUuid}`;
  const opened = await openByLane(streams, lanes, { command: "OPEN_CONNECT", source, destination, qos }, signal);
  if (!opened.ok) return err(opened.error.message);
  const { status, ksid, message } = opened.value;
  if (status !== STATUS.success || ksid === null) {
    return err(message ?? (status === STATUS.timeout ? "the module has not opened the stream" : `status ${status}`));
  }
  return ok(openStream(streams, lanes, ksid, counts));
}

function openStream(streams: EdgeStreams, lanes: OpenLanes, ksid: Ksid, counts: boolean): ModuleQkd {
  let index = 0;
  return {
    async key(signal) {
      const given = await streams.getKey({ ksid, index, metadataSize: 0 }, signal);
      if (!given.ok) return err(given.error.message);
      const { status, key } = given.value;
      if (status !== STATUS.success) return err(`the stream has no key at index ${index}: status ${status}`);
      if (counts) index++;
      return ok(key);
    },
    async close() {
      if (!lanes.has(ksid)) return;
      lanes.delete(ksid);
      await streams.close(ksid, AbortSignal.timeout(LIMITS.agentRequestMs));
    },
  };
}
