/** In workerd: the mechanisms that an edge computes, against the answers that liboqs publishes. */
import { describe, expect, it } from "vitest";
import { KEM_NAMES, KEMS } from "../../shared/kem/registry.ts";
import { err, ok } from "../../shared/result.ts";
import { checkKem } from "../../test/support/kem-checks.ts";
import { edgeKem } from "./edge-kem.ts";
import { isEdgeKem, openEdgeKem } from "./modules.ts";

describe("mechanisms of the edge", () => {
  it("are those that the registry lets run anywhere", () => {
    for (const name of KEM_NAMES) expect(edgeKem(name) !== null, name).toBe(KEMS[name].runs === "anywhere");
  });

  it.each(KEM_NAMES.filter(isEdgeKem))(
    "%s gives the known answers, and refuses what is none of its own",
    async (name) => {
      const kem = await openEdgeKem(name);
      checkKem(kem);
      kem.close();
    },
  );

  it("serve more at once than instances are kept", async () => {
    const names = KEM_NAMES.filter(isEdgeKem);
    await Promise.all(
      [...names, ...names].map(async (name) => {
        const kem = edgeKem(name)!;
        const { publicKey, secretKey } = await kem.generateKeyPair();
        const made = await kem.encapsulate(publicKey);
        if (!made.ok) throw new Error(made.error);
        expect(await kem.decapsulate(made.value.ciphertext, secretKey)).toEqual(ok(made.value.sharedSecret));
        expect(await kem.encapsulate(secretKey)).toEqual(err("bad-public-key"));
      }),
    );
  });
});
