/**
 * Errands of the edge, each done once: the same one again is told the same lines again, also while it is under way. What is
 * remembered does not outlive this process, and the edge is told so.
 */
import type { Errand, ErrandLine } from "../../../shared/ipsec/errand.ts";
import { LIMITS } from "../../../shared/limits.ts";
import { err, ok, type Result } from "../../../shared/result.ts";
import type { Log } from "../../log.ts";
import { Lines } from "./lines.ts";
import type { HostWork } from "./operations.ts";

export type Refusal = "no-such-node" | "busy" | "other-errand";

export interface ErrandsOptions {
  /** By node. */
  readonly hosts: ReadonlyMap<string, Pick<HostWork, "do">>;
  readonly log: Log;
}

interface Known {
  readonly node: string;
  readonly lines: Lines;
}

export class Errands {
  readonly #options: ErrandsOptions;
  /** The oldest first. */
  readonly #known = new Map<string, Known>();
  #underWay = 0;

  constructor(options: ErrandsOptions) {
    this.#options = options;
  }

  begin(errand: Errand): Result<AsyncIterable<ErrandLine> | readonly ErrandLine[], Refusal> {
    const known = this.#known.get(errand.id);
    if (known !== undefined) return known.node === errand.node ? ok(known.lines) : err("other-errand");
    if (errand.again) return ok([{ end: "unknown" }]);
    const host = this.#options.hosts.get(errand.node);
    if (host === undefined) return err("no-such-node");
    if (this.#underWay >= LIMITS.ipsecErrandsAtOnce) return err("busy");
    const lines = new Lines();
    this.#remember(errand, lines);
    void this.#do(errand, host, lines);
    return ok(lines);
  }

  async #do({ id, node, operations }: Errand, host: Pick<HostWork, "do">, lines: Lines): Promise<void> {
    this.#underWay += 1;
    let faults = 0;
    await host.do(operations, (line) => {
      lines.push(line);
      if ("result" in line && !line.result.ok) {
        faults += 1;
        if (faults <= LIMITS.faultsReported)
          this.#options.log("warn", "IPsec entry failed", whatFailed(operations[line.index], line.result));
      }
    });
    lines.push({ end: "done" });
    this.#underWay -= 1;
    this.#options.log("info", "IPsec errand done", { errand: id, node, operations: operations.length, faults });
  }

  /** Of those that are over, the oldest go: there are at most as many others as may be under way. */
  #remember({ id, node }: Errand, lines: Lines): void {
    this.#known.set(id, { node, lines });
    const over = [...this.#known].filter(([, each]) => each.lines.isOver);
    for (const [old] of over.slice(0, Math.max(0, over.length - LIMITS.ipsecErrandsKept))) this.#known.delete(old);
  }
}

type Failed = Extract<Extract<ErrandLine, { readonly index: number }>["result"], { readonly ok: false }>;

const whatFailed = (operation: Errand["operations"][number] | undefined, { reason, message }: Failed) => ({
  does: operation?.do ?? "",
  entry: operation === undefined ? "" : "name" in operation ? operation.name : operation.entry.name,
  reason,
  message,
});
