/**
 * `qkd-agent health`: what a running agent says of its links, for whoever watches the process, such as a container's
 * health check. It says so in a file of its state folder, which only its owner reads.
 */
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import * as v from "valibot";
import { type Log, messageOf } from "../log.ts";
import type { Link } from "./link/link.ts";

const ReportSchema = v.pipe(
  v.string(),
  v.parseJson(),
  v.object({
    pid: v.pipe(v.number(), v.safeInteger(), v.minValue(1)),
    links: v.array(v.object({ hub: v.string(), role: v.picklist(["owner", "peer"]), up: v.boolean() })),
  }),
);

const fileOf = (state: string): string => path.join(state, "links.json");

/** With each change of a link: whole or not at all. A full disk is no reason to end. */
export function noteLinks(state: string, links: readonly Link[], log: Log): void {
  try {
    write(state, links);
  } catch (thrown) {
    log("warn", "the state of the links cannot be noted", { reason: messageOf(thrown) });
  }
}

function write(state: string, links: readonly Link[]): void {
  mkdirSync(state, { recursive: true, mode: 0o700 });
  const report = {
    pid: process.pid,
    links: links.map(({ site, role, session }) => ({ hub: site, role, up: session !== null })),
  };
  const draft = `${fileOf(state)}.${process.pid}`;
  writeFileSync(draft, `${JSON.stringify(report)}\n`, { mode: 0o600 });
  renameSync(draft, fileOf(state));
}

export const forgetLinks = (state: string): void => rmSync(fileOf(state), { force: true });

/** The link to the own site's hub counts; those to others may be down because these are. */
export function healthOf(state: string): { readonly ok: boolean; readonly line: string } {
  const report = read(state);
  if (report === null || !lives(report.pid)) return { ok: false, line: "no agent runs on this state folder" };
  const { links } = report;
  const counting = links.some(({ role }) => role === "owner") ? links.filter(({ role }) => role === "owner") : links;
  const down = counting.filter(({ up }) => !up).map(({ hub }) => hub);
  return down.length === 0
    ? { ok: true, line: `connected: ${links.filter(({ up }) => up).length} of ${links.length} links` }
    : { ok: false, line: `not connected to the hub of ${down.join(", ")}` };
}

function read(state: string): v.InferOutput<typeof ReportSchema> | null {
  try {
    const parsed = v.safeParse(ReportSchema, readFileSync(fileOf(state), "utf8"));
    return parsed.success ? parsed.output : null;
  } catch {
    return null;
  }
}

function lives(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (thrown) {
    return (thrown as NodeJS.ErrnoException).code === "EPERM";
  }
}
