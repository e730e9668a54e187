/** The Monitor object. */
import { MONITOR_NAME } from "../../durable-objects/env.ts";
import type { MonitorRpc } from "../../shared/monitor/rpc.ts";
import type { Env } from "../env.ts";
import { ObjectIds } from "./object-ids.ts";

const ids = new ObjectIds();

export const monitorOf = (env: Env): MonitorRpc => ids.get(env.MONITOR, MONITOR_NAME);
