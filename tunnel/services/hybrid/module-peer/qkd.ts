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
}

export interface ModuleQkd {
  /**
   * The chunk at index 0, which is the only one that a module ever asks for: a stream gives it once, so there is QKD key for
   * one hybrid key of a session. Whoever has it wipes it. The error is the reason, for people.
   */
  key(signal: AbortSignal): Promise<Result<Uint8Array, string>>;
  close(): Promise<void>;
}

/** As which applications modules open their streams, whoever asks them. */
const SOURCE_APPLICATION = "Application1";
const DESTINATION_APPLICATION = "Application4";
const INDEX = 0;

/** Until the module has opened it too. The error is the reason, for people. */
export async function moduleQkd(
  { streams, lanes, sourceUuid, destinationUuid, qos }: ModuleQkdWish,
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
  return ok(openStream(streams, lanes, ksid));
}

const openStream = (streams: EdgeStreams, lanes: OpenLanes, ksid: Ksid): ModuleQkd => ({
  async key(signal) {
    const given = await streams.getKey({ ksid, index: INDEX, metadataSize: 0 }, signal);
    if (!given.ok) return err(given.error.message);
    const { status, key } = given.value;
    return status === STATUS.success ? ok(key) : err(`the stream has no key at index ${INDEX}: status ${status}`);
  },
  async close() {
    if (!lanes.has(ksid)) return;
    lanes.delete(ksid);
    await streams.close(ksid, AbortSignal.timeout(LIMITS.agentRequestMs));
  },
});
