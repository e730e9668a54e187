/** Exports of audit logs (shared/audit/export.ts), read and written line by line. */
import { once } from "node:events";
import { createReadStream, createWriteStream } from "node:fs";
import { createInterface } from "node:readline";
import { finished } from "node:stream/promises";
import {
  checkpointLine,
  endLine,
  type ExportEnd,
  type ExportHeader,
  headerLine,
  readHeader,
  readLine,
  recordLine,
} from "../../shared/audit/export.ts";
import type { AuditItem, Flaw } from "../../shared/audit/verify.ts";
import { CliFailure } from "./failure.ts";

/** How many records and checkpoints, and the last record with its hash. */
type End = ExportEnd["end"];
const nothingYet = ({ start }: ExportHeader): End => ({
  records: 0,
  checkpoints: 0,
  index: start?.index ?? 0,
  hash: start?.hash ?? "",
});

const counted = (end: End, item: AuditItem): End =>
  "record" in item
    ? { ...end, records: end.records + 1, index: item.record.index, hash: item.record.hash }
    : { ...end, checkpoints: end.checkpoints + 1 };

/** @returns what the end of the file says @throws CliFailure with the system's reason */
export async function writeExport(file: string, header: ExportHeader, items: AsyncIterable<AuditItem>): Promise<End> {
  const out = createWriteStream(file, { flags: "wx", mode: 0o600 });
  const failed = finished(out).catch((error: unknown) => {
    throw new CliFailure(`cannot write ${file}: ${error instanceof Error ? error.message : String(error)}`);
  });
  failed.catch(() => undefined);
  const put = async (line: string): Promise<void> => {
    if (!out.write(`${line}\n`)) await Promise.race([once(out, "drain"), failed]);
  };
  let end = nothingYet(header);
  try {
    await put(headerLine(header));
    for await (const item of items) {
      end = counted(end, item);
      await put("record" in item ? recordLine(item.record) : checkpointLine(item.checkpoint));
    }
    await put(endLine(end));
    out.end();
  } catch (error) {
    out.destroy();
    throw error;
  }
  await failed;
  return end;
}

export interface ReadExport {
  readonly header: ExportHeader;
  /** Ends at the first line that nobody wrote so. */
  readonly items: AsyncIterable<AuditItem>;
  /** Once all have been read: what is wrong with the file itself. */
  readonly flaw: () => Flaw | null;
}

/** @throws CliFailure where it is no export, or cannot be read */
export async function readExport(file: string): Promise<ReadExport> {
  const lines = linesOf(file);
  const first = await lines.next();
  const header = readHeader(first.done === true ? "" : first.value);
  if (!header.ok) throw new CliFailure(`${file}: ${header.error.message}`);
  let end = nothingYet(header.value);
  let flaw: Flaw | null = null;
  const wrong = (kind: Flaw["kind"], what: string): void => void (flaw = { kind, index: end.index, what });
  async function* items(): AsyncGenerator<AuditItem> {
    let number = 1;
    for await (const line of lines) {
      number += 1;
      const read = readLine(line, number);
      if (!read.ok) {
        wrong("changed", read.error.message);
        return;
      }
      if ("end" in read.value) {
        const said = read.value.end;
        if (JSON.stringify(said) !== JSON.stringify(end))
          wrong("changed", `line ${number}: the end is of another export`);
        else if ((await lines.next()).done !== true) wrong("changed", `line ${number + 1} comes after the end`);
        return;
      }
      end = counted(end, read.value);
      yield read.value;
    }
    wrong("truncated", `the file ends with line ${number}, without an end`);
  }
  return { header: header.value, items: items(), flaw: () => flaw };
}

async function* linesOf(file: string): AsyncGenerator<string> {
  const input = createReadStream(file, "utf8");
  try {
    yield* createInterface({ input, crlfDelay: Infinity });
  } catch (error) {
    throw new CliFailure(`cannot read ${file}: ${error instanceof Error ? error.message : String(error)}`);
  } finally {
    input.destroy();
  }
}
