import { expect, test } from "vitest";
import { validateNetwork } from "../../shared/network/validate.ts";
import type { LinkEntry, NetworkDocument } from "../../shared/network/document.ts";
import { byName } from "./faults.ts";
import { entryChanges } from "./changes.ts";
import { linkDraft, linkEntry, newLinkDraft, pairWithoutLink, saeDraft, saeEntry } from "./drafts.ts";
import { addLink, addSae, cutLinks, type Edit, eavesdrop, putLink, putSae, removeLink, removeSae } from "./edits.ts";

const SEED = "ab".repeat(32);

/** As the edge gives it: whole, with all defaults. */
function documentOf(links: readonly unknown[]): NetworkDocument {
  const checked = validateNetwork({
    nodes: ["tn-1", "tn-2", "tn-3"].map((id) => ({ id })),
    links,
    saes: [{ id: "sae-a", node: "tn-1", credentials: [] }],
    operators: [{ id: "op", credentials: [{ type: "token", sha256: "0".repeat(64) }] }],
  });
  if (!checked.ok) throw new Error(JSON.stringify(checked.error));
  return checked.value;
}
const bb84 = {
  id: "tn-1-tn-2",
  nodes: ["tn-1", "tn-2"],
  source: "bb84",
  feed: "two-ended",
  health: "reject",
  key_rate_bps: 0,
  module: { loss_db: 12, seed: SEED },
};
const push = {
  id: "tn-2-tn-3",
  nodes: ["tn-2", "tn-3"],
  source: "push",
  feed: "two-ended",
  health: "reject",
  key_rate_bps: 0,
};
const present = documentOf([bb84, push]);
const link = (id: string): LinkEntry => present.links.find((each) => each.id === id)!;

test("a link that is looked at in a form and not changed stays as it is, with all that no field shows", () => {
  for (const each of present.links) expect(linkEntry(linkDraft(each, SEED), each)).toEqual(each);
});

test("a new link is proposed between the first two nodes without one", () => {
  expect(pairWithoutLink(present.nodes, present.links)).toEqual(["tn-1", "tn-3"]);
  const third = { ...link("tn-2-tn-3"), id: "third", nodes: ["tn-3", "tn-1"] as [string, string] };
  expect(pairWithoutLink(present.nodes, [...present.links, third])).toEqual(["tn-1", "tn-2"]);
  expect(newLinkDraft(pairWithoutLink([{ id: "tn-1" }], []), SEED)).toMatchObject({ id: "", a: "tn-1", b: "" });
});

test("whatever the form makes of a link is a sound document", () => {
  const draft = { ...newLinkDraft(["tn-1", "tn-3"], SEED), id: " tn-1-tn-3 " };
  for (const source of ["simulated", "push", "bb84", "fake"] as const)
    for (const health of ["reject", "condition", "accept"] as const) {
      const changed = putLink(linkEntry({ ...draft, source, health }, null), "Add").change(present);
      expect(validateNetwork(changed, { previous: present })).toMatchObject({ ok: true });
      expect(changed.links.at(-1)).toMatchObject({ id: "tn-1-tn-3", nodes: ["tn-1", "tn-3"], source, health });
    }
});

test("what is no number is told of at its field", () => {
  const changed = putLink(
    linkEntry({ ...linkDraft(link("tn-1-tn-2"), SEED), shards: "many", lossDb: "" }, link("tn-1-tn-2")),
    "Change",
  ).change(present);
  const checked = validateNetwork(changed);
  const faults = checked.ok
    ? []
    : (checked.error.details as unknown as { pointer: string }[]).map(({ pointer }) => pointer);
  expect(faults).toEqual(expect.arrayContaining(["/links/0/shards", "/links/0/module/loss_db"]));
});

test("what is added takes the place of nothing: an id that is taken is told of at its field", () => {
  const pointersOf = ({ change }: Edit): unknown => {
    const checked = validateNetwork(change(present), { previous: present });
    return checked.ok ? [] : (checked.error.details as unknown as { pointer: string }[]).map(({ pointer }) => pointer);
  };
  const taken = linkEntry({ ...newLinkDraft(["tn-1", "tn-3"], SEED), id: "tn-1-tn-2" }, null);
  expect(pointersOf(addLink({ ...taken, id: "tn-1-tn-3" }))).toEqual([]);
  expect(pointersOf(addLink(taken))).toEqual(["/links/2/id"]);
  const second = { pointer: "/links/2/id", message: "the same id as /links/0, not /links/9 or /else/0" };
  expect(byName(second, present).message).toBe("the same id as tn-1-tn-2, not /links/9 or /else/0");
  expect(pointersOf(addSae(saeEntry({ ...saeDraft("tn-2", null), id: "sae-a", credentials: [] })))).toEqual([
    "/saes/1/id",
  ]);
});

test("an SAE of a form: its addresses a line each, and none where there are none", () => {
  const draft = { ...saeDraft("tn-2", null), id: "sae-x", addresses: " 10.0.0.1:5000 \n\n" };
  expect(saeEntry(draft)).toMatchObject({ id: "sae-x", node: "tn-2", addresses: ["10.0.0.1:5000"] });
  expect(saeEntry({ ...draft, addresses: "" })).not.toHaveProperty("addresses");
  expect(
    putSae(saeEntry({ ...draft, credentials: [] }), "Add")
      .change(present)
      .saes.map(({ id }) => id),
  ).toEqual(["sae-a", "sae-x"]);
  expect(removeSae("sae-a").change(present).saes).toEqual([]);
});

test("a link that was cut is found in earlier versions, until it or another takes its place", () => {
  const cut = removeLink("tn-2-tn-3", "Cut").change(present);
  expect(cutLinks([present], cut)).toEqual([link("tn-2-tn-3")]);
  expect(cutLinks([present], putLink(link("tn-2-tn-3"), "Restore").change(cut))).toEqual([]);
  const other = { ...link("tn-2-tn-3"), id: "other", nodes: ["tn-3", "tn-2"] as [string, string] };
  expect(cutLinks([present], putLink(other, "Add").change(cut))).toEqual([]);
  expect(cutLinks([present], { ...cut, nodes: cut.nodes.slice(0, 2) })).toEqual([]);
});

test("an eavesdropper comes onto one line and leaves it, and nothing else changes", () => {
  const on = eavesdrop("tn-1-tn-2", 0.3).change(present);
  expect(entryChanges(present, on)).toEqual([
    {
      kind: "changed",
      section: "links",
      id: "tn-1-tn-2",
      members: [{ member: "module/eve_share", before: "0", after: "0.3" }],
    },
  ]);
  expect(eavesdrop("tn-1-tn-2", 0).change(on)).toEqual(present);
  expect(eavesdrop("tn-2-tn-3", 0.3).change(present)).toEqual(present);
});

test("changes are told member by member: of what is new all, of what goes all", () => {
  const added = entryChanges(removeLink("tn-2-tn-3", "Remove").change(present), present);
  expect(added).toMatchObject([{ kind: "added", section: "links", id: "tn-2-tn-3" }]);
  expect(added[0]?.members).toContainEqual({ member: "nodes", before: null, after: "tn-2, tn-3" });
  const removed = entryChanges(present, removeLink("tn-2-tn-3", "Remove").change(present));
  expect(removed[0]?.members).toContainEqual({ member: "source", before: "push", after: null });
  const policy = { ...present, policy: { ...present.policy, drain_s: 5 } };
  expect(entryChanges(present, policy)).toEqual([
    { kind: "changed", section: "policy", id: "policy", members: [{ member: "drain_s", before: "60", after: "5" }] },
  ]);
});
