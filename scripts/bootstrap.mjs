/**
 * Runs a TypeScript file of the project on any machine with npm and Node >= 20: installs the packages from the lock
 * where they are missing or of another lock, then hands over to a Node that can run TypeScript. Plain JavaScript,
 * without dependencies, because it comes before them.
 *
 * node scripts/bootstrap.mjs FILE.ts [arguments]
 */
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { constants } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const PROJECT = fileURLToPath(new URL("..", import.meta.url));
const MODULES = join(PROJECT, "node_modules");
const STAMP = join(MODULES, ".qkd-lock-sha256");
/** From this version on Node runs TypeScript files as they are. */
const NEEDED = [22, 18];
const LOOK_MS = 500;

function fail(message) {
  process.stderr.write(`qkd-edge: ${message}\n`);
  process.exit(1);
}

function install() {
  const lockFile = join(PROJECT, "package-lock.json");
  const lock = createHash("sha256").update(readFileSync(lockFile)).digest("hex");
  if (existsSync(STAMP) && readFileSync(STAMP, "utf8").trim() === lock) return;
  // npm writes this file last: an `npm ci` by hand, later than the lock.
  const installed = join(MODULES, ".package-lock.json");
  if (!existsSync(STAMP) && existsSync(installed) && statSync(installed).mtimeMs >= statSync(lockFile).mtimeMs) {
    writeFileSync(STAMP, `${lock}\n`);
    return;
  }
  process.stderr.write("qkd-edge: installing packages from package-lock.json (once, about half a minute) ...\n");
  // Of `npm --silent` it would inherit to say nothing, also of why it failed.
  const npm = spawnSync("npm", ["ci", "--no-fund", "--no-audit", "--loglevel=error"], {
    cwd: PROJECT,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
  });
  if (npm.error !== undefined) fail(`npm cannot be run: ${npm.error.message}`);
  if (npm.status !== 0) {
    const errors = `${npm.stderr}`
      .split("\n")
      .filter((line) => /^npm (error|ERR!)/.test(line) && !/complete log of this run/i.test(line));
    const reason = errors.map((line) => line.replace(/^npm (error|ERR!) ?/, "").trim()).filter((line) => line !== "");
    fail(`npm ci failed: ${reason.slice(0, 4).join("; ") || `code ${npm.status}`}`);
  }
  writeFileSync(STAMP, `${lock}\n`);
}

/** The Node that comes with the packages (Linux), else this one if it is new enough. */
function chooseNode() {
  const bundled = join(MODULES, ".bin", "node");
  if (existsSync(bundled) && spawnSync(bundled, ["--version"]).status === 0) return bundled;
  const [major, minor] = process.versions.node.split(".").map(Number);
  if (major > NEEDED[0] || (major === NEEDED[0] && minor >= NEEDED[1])) return process.execPath;
  return fail(
    `Node ${NEEDED.join(".")} or newer is needed on ${process.platform}-${process.arch}, and this is ${process.versions.node}: install Node 24`,
  );
}

/** Only where there is a /proc; "" elsewhere. */
function parentOf(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1];
  } catch {
    return "";
  }
}

const [file, ...args] = process.argv.slice(2);
if (file === undefined) fail("usage: node scripts/bootstrap.mjs FILE.ts [arguments]");
install();
const node = chooseNode();
const child = spawn(node, [join(PROJECT, file), ...args], {
  stdio: "inherit",
  env: {
    // What Node compiles once serves later runs: the CLI answers in half the time.
    NODE_COMPILE_CACHE: join(PROJECT, "dist", "compiled"),
    ...process.env,
    PATH: [join(MODULES, ".bin"), dirname(process.execPath), process.env.PATH].join(":"),
    QKD_PARENT_PID: String(process.pid),
  },
});
// Ctrl-C reaches the child by itself when both are of the terminal's group; a second SIGINT does no harm.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
if (process.env.npm_lifecycle_event !== undefined) {
  // npm (and the shell it may put in between) killed without a word: nobody would be left to end this.
  const above = () => `${process.ppid} ${parentOf(process.ppid)}`;
  const before = above();
  setInterval(() => above() === before || child.kill("SIGTERM"), LOOK_MS).unref();
}
child.on("error", (error) => fail(`${node} cannot be run: ${error.message}`));
child.on("exit", (code, signal) => process.exit(code ?? 128 + (constants.signals[signal] ?? 0)));
