/**
 * For tests, benches and the example: a real NETCONF server, yuma123's netconfd behind OpenSSH's sshd, on a port of its own, with the modules of RFC
 * 9061. Nothing of the machine's own accounts is changed: both run where other `passwd` and `shadow` are mounted.
 */
import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { ownPort } from "./own-port.ts";

/** Data of others, and so not in this repository. */
export const YANG = path.resolve(import.meta.dirname, "../../../shared/yang");
const PROGRAMS = ["/usr/sbin/netconfd", "/usr/sbin/netconf-subsystem", "/usr/sbin/sshd", "/usr/bin/unshare"];
const USER = "netconf";
const UID = 4242;

/** Why there is none here; null: there is. @param modules folder of RFC 9061's */
export function netconfdMissing(modules = YANG): string | null {
  if (!existsSync(path.join(modules, "ietf-i2nsf-ikeless.yang")))
    return `the modules of RFC 9061 are not in ${modules}`;
  const missing = PROGRAMS.filter((program) => !existsSync(program));
  if (missing.length > 0) return `${missing.join(", ")} missing: apt-get install netconfd openssh-server`;
  const canMount = spawnSync("unshare", ["-m", "--propagation", "private", "true"]).status === 0;
  return canMount ? null : "netconfd needs accounts of its own, which only root can mount, and not in every container";
}

export interface NetconfdOptions {
  readonly target?: "running" | "candidate";
  /** Folder of RFC 9061's. */
  readonly modules?: string;
}

export class Netconfd {
  readonly port: number;
  readonly user = USER;
  readonly passwordFile: string;
  readonly hostKeyLine: string;
  readonly #folder: string;
  readonly #target: string;
  readonly #modules: string;
  #children: ChildProcess[] = [];

  static async start({ target = "running", modules = YANG }: NetconfdOptions = {}): Promise<Netconfd> {
    const server = new Netconfd(await ownPort(), target, modules);
    await server.up();
    return server;
  }

  private constructor(port: number, target: string, modules: string) {
    this.port = port;
    this.#target = target;
    this.#modules = modules;
    this.#folder = mkdtempSync(path.join(tmpdir(), "qkd-netconfd-"));
    chmodSync(this.#folder, 0o755);
    for (const each of ["etc", "run", "home/.yuma", "yuma/data"])
      mkdirSync(path.join(this.#folder, each), { recursive: true });
    mkdirSync("/run/sshd", { recursive: true }); // which sshd insists on
    execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", this.#file("etc/hostkey")]);
    this.hostKeyLine = readFileSync(this.#file("etc/hostkey.pub"), "utf8").trim();
    const password = Math.random().toString(36).slice(2);
    this.passwordFile = this.#file("etc/password");
    writeFileSync(this.passwordFile, `${password}\n`, { mode: 0o600 });
    this.#accounts(password);
  }

  /** For an agent's configuration. */
  get config() {
    return {
      host: "127.0.0.1",
      port: this.port,
      user: USER,
      password_file: this.passwordFile,
      host_key: this.hostKeyLine,
      timeout_ms: 10_000,
      keep_alive_ms: 0,
    } as const;
  }

  /** Both processes; what was configured before is gone. */
  async up(): Promise<void> {
    const socket = this.#file("run/ncxserver.sock");
    rmSync(socket, { force: true });
    const etc = (name: string): string => `mount --bind ${this.#file(`etc/${name}`)} /etc/${name}`;
    this.#spawn(etc("passwd"), [
      "/usr/sbin/netconfd",
      "--no-startup",
      `--target=${this.#target}`,
      "--access-control=off",
      "--with-startup=true",
      `--superuser=${USER}`,
      `--port=${this.port}`,
      `--ncxserver-sockname=${socket}`,
      `--modpath=${this.#modules}:/usr/share/yuma/modules`,
      "--module=ietf-i2nsf-ikeless",
      `--log=${this.#file("run/netconfd.log")}`,
      "--log-level=error",
      `--yuma-home=${this.#file("yuma")}`,
    ]);
    await until(() => existsSync(socket), "netconfd");
    chmodSync(socket, 0o666);
    this.#spawn(`${etc("passwd")}; ${etc("shadow")}`, ["/usr/sbin/sshd", "-D", "-f", this.#file("etc/sshd_config")]);
    await until(() => answers(this.port), "sshd");
  }

  /** As a machine that loses its power: no goodbyes. */
  async kill(): Promise<void> {
    const ended = this.#children
      .filter(({ exitCode, signalCode }) => exitCode === null && signalCode === null)
      .map((child) => once(child, "exit"));
    for (const child of this.#children) if (child.pid !== undefined) killGroup(child.pid);
    await Promise.all(ended);
    this.#children = [];
  }

  async stop(): Promise<void> {
    await this.kill();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #file(name: string): string {
    return path.join(this.#folder, name);
  }

  /** In a namespace of mounts of its own, and a process group of its own. */
  #spawn(mounts: string, command: readonly string[]): void {
    const args = ["-m", "--propagation", "private", "bash", "-c", `set -e; ${mounts}; exec "$@"`, "_", ...command];
    const child = spawn("unshare", args, {
      detached: true,
      stdio: "ignore",
      env: { ...process.env, HOME: this.#file("home") },
    });
    this.#children.push(child);
  }

  #accounts(password: string): void {
    for (const name of ["passwd", "shadow"]) copyFileSync(`/etc/${name}`, this.#file(`etc/${name}`));
    const home = this.#file("home");
    const others = (name: string): string => {
      const lines = readFileSync(this.#file(`etc/${name}`), "utf8").split("\n");
      return lines.filter((line) => line !== "" && !line.startsWith(`${USER}:`)).join("\n");
    };
    // netconfd keeps a file in the home of its own account, by the account's entry.
    const passwd = others("passwd").replace(/^(root:x:0:0:root:)[^:]*:/, `$1${home}:`);
    writeFileSync(this.#file("etc/passwd"), `${passwd}\n${USER}:x:${UID}:65534:test:${home}:/bin/sh\n`);
    const hash = execFileSync("openssl", ["passwd", "-6", "-stdin"], { input: password }).toString().trim();
    writeFileSync(this.#file("etc/shadow"), `${others("shadow")}\n${USER}:${hash}:19000:0:99999:7:::\n`, {
      mode: 0o600,
    });
    writeFileSync(this.#file("home/.yuma/startup-cfg-txid.txt"), "1\n"); // without it netconfd 2.13 aborts
    const settings = [
      `Port ${this.port}`,
      "ListenAddress 127.0.0.1",
      `HostKey ${this.#file("etc/hostkey")}`,
      "PidFile none",
      "UsePAM no",
      "PasswordAuthentication yes",
      "KbdInteractiveAuthentication no",
      `AllowUsers ${USER}`,
      "StrictModes no",
      `Subsystem netconf "/usr/sbin/netconf-subsystem --ncxserver-sockname=${this.port}@${this.#file("run/ncxserver.sock")}"`,
    ];
    writeFileSync(this.#file("etc/sshd_config"), `${settings.join("\n")}\n`);
  }
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // it has ended
  }
}

const PATIENCE_MS = 20_000;

/** Neither program tells when it is ready. */
async function until(isReady: () => boolean | Promise<boolean>, what: string): Promise<void> {
  for (const endMs = Date.now() + PATIENCE_MS; Date.now() < endMs; await sleep(20)) if (await isReady()) return;
  throw new Error(`${what} did not start`);
}

async function answers(port: number): Promise<boolean> {
  const socket = net.connect({ host: "127.0.0.1", port });
  try {
    await once(socket, "connect");
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
