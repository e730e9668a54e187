/** `qkd ingest`: key files, block by block, into a link's pool. */
import { open, type FileHandle } from "node:fs/promises";
import path from "node:path";
import { ApiFailure, type Api } from "../lib/api.ts";
import { blockPath, cutBlocks, type Block } from "../../shared/blocks.ts";
import type { Command, CommandContext } from "../lib/command.ts";
import { CliFailure, type ExitCode } from "../lib/failure.ts";
import { readOutcome, Tally } from "../lib/ingest-tally.ts";
import { listLinks, noSuchLink } from "../lib/links.ts";
import { BYTES, progressReporter } from "../lib/progress.ts";
import { isRetryable } from "../../shared/retry.ts";
import { CONNECTION_OPTIONS } from "../lib/settings.ts";

export const ingest: Command = {
  name: "ingest",
  summary: "feed key files into a link",
  positional: { name: "FILE...", min: 1, max: 10_000 },
  options: {
    link: { type: "string", value: "<id>", help: "the link the keys belong to (required)" },
    node: { type: "string", value: "<id>", help: "the link's end these files come from (required)" },
    json: { type: "boolean", help: "print one JSON object a file" },
    ...CONNECTION_OPTIONS,
  },
  notes: [
    "Files go up in blocks of 64 KiB named <file name>:<byte offset>; a block that is already there is skipped,",
    "so an interrupted run is resumed by running it again.",
    "Exit code 0: everything taken in or already there; 2: something was quarantined; 1: any error.",
    "",
    "Example: npm run qkd -- ingest --link tn-1-tn-2 --node tn-1 keys/*.cor",
  ],
  run: runIngest,
};

interface Feed {
  readonly link: string;
  readonly node: string;
}

async function runIngest(context: CommandContext): Promise<ExitCode> {
  const { args, terminal, around } = context;
  const feed = { link: args.required("link"), node: args.required("node") };
  const files = args.positionals.map((file) => path.resolve(around.cwd, file));
  refuseSameNames(files);
  const totals = new Tally("all files");
  for (const file of files) {
    const tally = await ingestFile(context, feed, file);
    totals.merge(tally);
    if (args.flag("json")) terminal.line(JSON.stringify(tally.toJson()));
    else for (const line of tally.describe()) terminal.line(line);
  }
  if (!args.flag("json")) {
    if (files.length > 1) terminal.line(totals.describe()[0] ?? "");
    for (const line of totals.remains()) terminal.line(line);
  }
  return totals.exitCode();
}

/** Blocks are named by file name alone, so two files of one name would collide. */
function refuseSameNames(files: readonly string[]): void {
  const seen = new Map<string, string>();
  for (const file of files) {
    const name = path.basename(file);
    const other = seen.get(name);
    if (other !== undefined) {
      throw new CliFailure(`${other} and ${file} would give blocks of the same name`, "ingest them apart, renamed");
    }
    seen.set(name, file);
  }
}

async function ingestFile(context: CommandContext, feed: Feed, file: string): Promise<Tally> {
  const name = path.basename(file);
  const handle = await openFile(file);
  try {
    const stat = await handle.stat();
    if (!stat.isFile()) throw new CliFailure(`${file} is not a file`);
    const { size } = stat;
    if (size === 0) throw new CliFailure(`${file} is empty`);
    const tally = new Tally(name);
    const progress = progressReporter(context.terminal, { label: name, total: size, measure: BYTES });
    for (const block of cutBlocks(name, size)) {
      await putBlock(context.api(), feed, block, await readBlock(handle, block, file), tally);
      progress(block.offset + block.sizeBytes);
    }
    return tally;
  } finally {
    await handle.close();
  }
}

async function openFile(file: string): Promise<FileHandle> {
  try {
    return await open(file, "r");
  } catch (error) {
    throw new CliFailure(`cannot read ${file}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** @throws CliFailure when the file shrank meanwhile: a shorter block would never match its twin */
async function readBlock(handle: FileHandle, block: Block, file: string): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(block.sizeBytes);
  for (let read = 0; read < bytes.length;) {
    const { bytesRead } = await handle.read(bytes, read, bytes.length - read, block.offset + read);
    if (bytesRead === 0) throw new CliFailure(`${file} became shorter while it was read`);
    read += bytesRead;
  }
  return bytes;
}

async function putBlock(
  api: Api,
  feed: Feed,
  block: Block,
  body: Uint8Array<ArrayBuffer>,
  tally: Tally,
): Promise<void> {
  try {
    const answer = await api.call({
      method: "PUT",
      path: blockPath(feed.link, block.id, feed.node),
      body,
      contentType: "application/octet-stream",
      retry: true,
    });
    tally.add(block.id, readOutcome(answer.json));
  } catch (error) {
    // 409: these bytes contradict what is known under this id. The other blocks may still be fine.
    if (error instanceof ApiFailure && error.status === 409) tally.conflict(block.id, error.message);
    else throw await explained(api, feed, block, error);
  } finally {
    body.fill(0);
  }
}

/** A failure with what helps: the link that was meant, or that the run can be taken up again. */
async function explained(api: Api, feed: Feed, block: Block, error: unknown): Promise<unknown> {
  if (!(error instanceof CliFailure)) return error;
  if (error instanceof ApiFailure && error.status === 404) return (await unknownLink(api, feed.link)) ?? error;
  if (error instanceof ApiFailure && error.status < 500 && !isRetryable(error.status)) return error;
  const hint = `stopped at block ${block.id}; run the same command again to go on from there`;
  return new CliFailure(error.message, error.hint === undefined ? hint : `${error.hint}; ${hint}`);
}

/** A failure naming the link and the nearest one; null where it exists, or the token may not list links. */
async function unknownLink(api: Api, link: string): Promise<CliFailure | null> {
  try {
    const known = await listLinks(api);
    return known.includes(link) ? null : noSuchLink(link, known);
  } catch (error) {
    if (error instanceof CliFailure) return null;
    throw error;
  }
}
