/** Is the edge up, and each KME front of it? A container's health check. */
import { readFileSync } from "node:fs";
import { connect } from "node:net";

const STATE = "/var/lib/qkd-edge";

interface Ports {
  readonly edge: string;
  readonly kme: Readonly<Record<string, string>>;
}

/** Written when it serves, gone when it does not. */
const { edge, kme } = JSON.parse(readFileSync(`${STATE}/ports.json`, "utf8")) as Ports;
const { status } = await fetch(`${edge}/healthz`, { signal: AbortSignal.timeout(3000) });
if (status !== 200) throw new Error(`the edge answers ${status}`);
for (const [node, url] of Object.entries(kme)) {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  await new Promise<void>((resolve, reject) => {
    socket.once("connect", () => resolve());
    socket.once("error", () => reject(new Error(`the KME of ${node} does not listen`)));
  });
  socket.destroy();
}
