/** Figures for Prometheus, and what speaks its language. */
import { FORMATS, formatFor, writeMetrics } from "../../shared/metrics/exposition.ts";
import { samplesOf } from "../../shared/metrics/samples.ts";
import { ok } from "../../shared/result.ts";
import { answerOf } from "../clients/key-pool.ts";
import { monitorOf } from "../clients/monitor.ts";
import { respond } from "../middleware/respond.ts";
import { tallies } from "../telemetry/tallies.ts";
import type { AuthenticatedCall, Reply } from "./handler.ts";

export async function getMetrics({ env, request }: AuthenticatedCall): Reply {
  await tallies.flush(env, Date.now());
  const told = await answerOf(async () => await monitorOf(env).metrics());
  if (!told.ok) return told;
  const { view, totals } = told.value;
  const format = formatFor(request.headers.get("Accept"));
  return ok(
    respond(writeMetrics(samplesOf(view, Date.parse(view.at), totals), format), FORMATS[format], 200, {
      Vary: "Accept",
    }),
  );
}
