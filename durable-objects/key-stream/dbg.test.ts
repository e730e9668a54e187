import { expect, it } from "vitest";
import { HybridMaterial } from "./hybrid-material.ts";
import { termsOf } from "../../test/support/in-workerd-hybrid.ts";
import { hex } from "../../test/support/in-workerd-pool.ts";
import { newKsid } from "../../test/support/in-workerd-streams.ts";
it("dbg", () => {
  const terms = termsOf({ low: "x", high: "y" } as never);
  const ksid = newKsid();
  const r = (n: number) => crypto.getRandomValues(new Uint8Array(n));
  const open = { initiatorNonce: r(32), responderNonce: r(32), publicKeys: [r(1184)], ciphertexts: [r(1088)] };
  const secret = r(32);
  const q = r(32);
  const m1 = HybridMaterial.of(ksid, terms, open, [secret]);
  const m2 = HybridMaterial.of(ksid, terms, open, [secret]);
  if (!m1.ok || !m2.ok) throw new Error("x");
  const c = (m: HybridMaterial) => { const x = m.chunk(0, q.slice(), 32); return x.ok ? hex(x.value) : x.error; };
  console.log(hex(m1.value.tags!.initiator) === hex(m2.value.tags!.initiator), c(m1.value), c(m2.value), c(m1.value), c(m2.value));
  expect(1).toBe(1);
});
