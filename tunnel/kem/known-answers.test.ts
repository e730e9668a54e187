/** Every mechanism of @oqs/liboqs-js, against the answers that liboqs publishes. */
import { setFlagsFromString } from "node:v8";
import { afterEach, describe, expect, it } from "vitest";
import type { OpenKem } from "../../shared/kem/kem.ts";
import { LIBOQS_NAMES } from "../../shared/kem/liboqs/names.ts";
import { err } from "../../shared/result.ts";
import { checkKem, KNOWN_ANSWERS } from "../../test/support/kem-checks.ts";
import { openKem } from "./open-kem.ts";

// V8's quick compiler does not let go of a function that runs: a key pair of Classic McEliece is one long call.
setFlagsFromString("--no-liftoff");

describe("mechanisms of liboqs", () => {
  let kem: OpenKem | undefined;
  afterEach(() => kem?.close());

  it("has answers for all", () => {
    expect(Object.keys(KNOWN_ANSWERS).toSorted()).toEqual(LIBOQS_NAMES.toSorted());
    expect(LIBOQS_NAMES).toHaveLength(26);
  });

  it.each(LIBOQS_NAMES)("%s gives them, and refuses what is none of its own", async (name) => {
    kem = await openKem(name);
    const { pair, ciphertext } = checkKem(kem);
    if (!name.includes("6960119")) return;
    // 1547 bits in 194 bytes; rows of 5413 bits in 677.
    expect(kem.decapsulate(ciphertext.with(193, 0x80), pair.secretKey)).toEqual(err("bad-ciphertext"));
    expect(kem.encapsulate(pair.publicKey.with(676, 0x80))).toEqual(err("bad-public-key"));
  });
});
