import { LINK_SOURCES, type LinkEntry } from "../../../shared/network/document.ts";
import { feedOf, hasRate, isModuleSource, type LinkDraft } from "../../core/drafts.ts";
import type { FieldFaults } from "../../core/faults.ts";
import { useSurroundings } from "../surroundings.ts";
import { Choice, Field, Text } from "./field.tsx";

const SOURCES: Readonly<Record<LinkEntry["source"], string>> = {
  simulated: "simulated: random bits made by the pool",
  push: "push: blocks from a device, an agent or an operator",
  bb84: "bb84: two QKD modules on a simulated line",
  fake: "fake: two QKD modules, random keys",
};
const HEALTH: Readonly<Record<LinkEntry["health"], string>> = {
  reject: "reject: a block that fails is quarantined",
  condition: "condition: hashed down to its entropy",
  accept: "accept: taken all the same",
};

interface Props {
  readonly draft: LinkDraft;
  readonly faults: FieldFaults["fields"];
  readonly isNew: boolean;
  readonly set: <Name extends keyof LinkDraft>(name: Name) => (value: LinkDraft[Name]) => void;
}

/** Those that the link's source and health policy have. */
export function LinkFields({ draft, faults, isNew, set }: Props) {
  const nodes = useSurroundings().view.nodes.map(({ id }) => id);
  return (
    <>
      <Field label="Name" fault={faults["id"]} hint="Letters, digits, . _ -">
        <Text value={draft.id} onValue={set("id")} disabled={!isNew} />
      </Field>
      <Field label="From" fault={faults["nodes"]}>
        <Choice value={draft.a} options={nodes} onValue={set("a")} />
      </Field>
      <Field label="To">
        <Choice value={draft.b} options={nodes} onValue={set("b")} />
      </Field>
      <Field label="Source" fault={faults["source"]}>
        <Choice value={draft.source} options={LINK_SOURCES} names={SOURCES} onValue={set("source")} />
      </Field>
      {hasRate(draft.source) && (
        <Field label="Key rate, bit/s" fault={faults["key_rate_bps"]} hint="0 to 10⁹">
          <Text value={draft.keyRateBps} inputMode="numeric" onValue={set("keyRateBps")} />
        </Field>
      )}
      {draft.source === "bb84" && (
        <Field label="Loss of the line, dB" fault={faults["module"]} hint="0 to 100, without the detectors">
          <Text value={draft.lossDb} inputMode="decimal" onValue={set("lossDb")} />
        </Field>
      )}
      {draft.source === "push" && (
        <Field label="Feed" fault={faults["feed"]} hint="Does a block count once one end pushed it, or both?">
          <Choice value={feedOf(draft)} options={["one-ended", "two-ended"]} onValue={set("feed")} />
        </Field>
      )}
      <Field
        label="Health tests"
        fault={faults["health"]}
        hint={isModuleSource(draft.source) ? "Of each block that the modules make" : "Of each block that comes in"}
      >
        <Choice
          value={draft.health}
          options={["reject", "condition", "accept"]}
          names={HEALTH}
          onValue={set("health")}
        />
      </Field>
      {draft.health === "condition" && (
        <>
          <Field
            label="Entropy for each bit"
            fault={faults["min_entropy_per_bit"]}
            hint="0.1 to 1: what the source is trusted to give"
          >
            <Text value={draft.minEntropyPerBit} inputMode="decimal" onValue={set("minEntropyPerBit")} />
          </Field>
          <Field
            label="Conditioning seed"
            fault={faults["conditioning_seed"]}
            hint="64 hex digits, drawn once; not secret"
          >
            <Text value={draft.conditioningSeed} onValue={set("conditioningSeed")} />
          </Field>
        </>
      )}
      <Field label="Shards" fault={faults["shards"]} hint="Pools that serve it, 1 to 60; never lowered">
        <Text value={draft.shards} inputMode="numeric" onValue={set("shards")} />
      </Field>
    </>
  );
}
