import { type ChildProcess, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { holdFolder } from "./lock.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "qkd-lock-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
});

const MODULE = new URL("lock.ts", import.meta.url).href;
const PROGRAM = `const { holdFolder } = await import(${JSON.stringify(MODULE)});
try { await holdFolder(process.argv[1]); console.log("held"); setInterval(() => {}, 1e6); }
catch (error) { console.log(error.message); }`;

/** Another process that wants to hold the folder; what it said. */
async function other(): Promise<{ readonly child: ChildProcess; readonly said: string }> {
  const child = spawn(process.execPath, ["--input-type=module", "-e", PROGRAM, folder], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  const [text] = (await once(child.stdout, "data")) as [Buffer];
  return { child, said: String(text).trim() };
}

const isHeld = `another process uses this spool`;
/** Of a process that runs, with another start or boot. */
const claimOf = (pid: number, { boot = bootId(), start = "1" } = {}) => `held-by-${boot}-${pid}-${start}`;
const bootId = () => readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim();

describe.skipIf(process.platform !== "linux")("a folder", () => {
  test("is held by one process, until it lets go", async () => {
    const release = await holdFolder(folder);
    await expect(holdFolder(folder)).rejects.toThrow(isHeld);
    expect((await other()).said).toContain(isHeld);
    await release();
    expect(readdirSync(folder)).toEqual([]);
    await (
      await holdFolder(folder)
    )();
  });

  test("is free once its holder was killed", async () => {
    const { child, said } = await other();
    expect(said).toBe("held");
    await expect(holdFolder(folder)).rejects.toThrow(isHeld);
    expect(readdirSync(folder)).toHaveLength(1);
    child.kill("SIGKILL");
    await once(child, "exit");
    const release = await holdFolder(folder);
    expect(readdirSync(folder)).toHaveLength(1);
    await release();
  });

  test("of those who start at once, one at most goes on", async () => {
    const all = await Promise.all(Array.from({ length: 4 }, other));
    const said = all.map((each) => each.said);
    expect(said.filter((text) => text === "held").length).toBeLessThanOrEqual(1);
    expect(said.every((text) => text === "held" || text.includes(isHeld))).toBe(true);
  });

  test("is not held by another process of the same pid, nor of an earlier boot", async () => {
    const gone = [claimOf(process.pid), claimOf(process.ppid, { boot: "0".repeat(36) }), claimOf(4_194_305)];
    for (const name of [...gone, "held-by-nobody"]) writeFileSync(join(folder, name), "");
    const release = await holdFolder(folder);
    expect(readdirSync(folder).filter((name) => gone.includes(name) || name === "held-by-nobody")).toEqual([
      "held-by-nobody",
    ]);
    await release();
  });

  test("is free once its holder was killed, even while that one's parent has not asked after it", async () => {
    const script = '"$0" --input-type=module -e "$1" "$2" & exec sleep 1000';
    const parent = spawn("sh", ["-c", script, process.execPath, PROGRAM, folder], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    onTestFinished(() => void parent.kill("SIGKILL"));
    await once(parent.stdout, "data");
    const [claim = ""] = readdirSync(folder);
    const pid = Number(claim.split("-").at(-2));
    process.kill(pid, "SIGKILL");
    await vi.waitFor(() => expect(readFileSync(`/proc/${pid}/stat`, "latin1")).toMatch(/\) Z /), 10_000);
    await (
      await holdFolder(folder)
    )();
  });

  test("is not held by an abstract socket, which anybody may bind", async () => {
    const name = createHash("sha256").update(realpathSync(folder)).digest("hex").slice(0, 32);
    const squatter = net.createServer().listen(`\0qkd-spool-${name}`);
    await once(squatter, "listening");
    onTestFinished(() => void squatter.close());
    await (
      await holdFolder(folder)
    )();
  });
});
