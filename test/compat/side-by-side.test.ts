/**
 * Two releases side by side, as a deploy in progress has them: the Worker of one with objects of the other, objects of
 * both kinds calling each other, and one storage under the release before, the present one, and back. See README.md.
 */
import { describe, expect, it, onTestFinished } from "vitest";
import { all, type Deployment, newDeployment, type RunningEngine, startEngine, type Versions } from "./engine.ts";
import { Life } from "./life.ts";

const PREVIOUS = all("previous");
const PRESENT = all("present");

async function newLife(): Promise<{ deployment: Deployment; life: Life }> {
  const deployment = await newDeployment();
  onTestFinished(() => deployment.remove());
  return { deployment, life: new Life() };
}

async function under<T>(
  deployment: Deployment,
  versions: Versions,
  work: (engine: RunningEngine) => Promise<T>,
): Promise<T> {
  const engine = await startEngine(deployment, versions);
  try {
    return await work(engine);
  } finally {
    await engine.stop();
  }
}

describe("two releases side by side", { timeout: 240_000 }, () => {
  it.each<[string, Versions]>([
    ["the present Worker, objects of the release before", { ...PREVIOUS, Worker: "present" }],
    ["the Worker of the release before, present objects", { ...PRESENT, Worker: "previous" }],
    ["present pools among objects of the release before", { ...PREVIOUS, Worker: "present", KeyPool: "present" }],
    ["pools of the release before among present objects", { ...PRESENT, Worker: "previous", KeyPool: "previous" }],
    ["a present Directory among objects of the release before", { ...PREVIOUS, Directory: "present" }],
    ["a Directory of the release before among present objects", { ...PRESENT, Directory: "previous" }],
    ["present audit logs among objects of the release before", { ...PREVIOUS, AuditLog: "present" }],
    ["audit logs of the release before among present objects", { ...PRESENT, AuditLog: "previous" }],
  ])("%s: all is served, and goes on when the deploy ends", async (_, versions) => {
    const { deployment, life } = await newLife();
    await under(deployment, versions, async (engine) => {
      await life.begin(engine, deployment.bootstrapToken);
      await life.phase(engine);
      if (versions.Worker === "present") await life.batch(engine);
    });
    await under(deployment, PRESENT, async (engine) => {
      await life.phase(engine);
      await life.batch(engine);
      await life.audited(engine);
    });
  });

  it("one storage: the release before, this one, rolled back, and this one again", async () => {
    const { deployment, life } = await newLife();
    await under(deployment, PREVIOUS, async (engine) => {
      await life.begin(engine, deployment.bootstrapToken);
      await life.phase(engine);
    });
    await under(deployment, PRESENT, async (engine) => await life.phase(engine));
    await under(deployment, PREVIOUS, async (engine) => await life.phase(engine));
    await under(deployment, PRESENT, async (engine) => {
      await life.phase(engine);
      await life.audited(engine);
    });
    expect.hasAssertions();
  });
});
