import { describe, expect, it } from "vitest";
import { kemNamed } from "./names.ts";
import { KEM_NAMES } from "./registry.ts";

describe("names of mechanisms", () => {
  it("knows all 29, in any case", () => {
    expect(KEM_NAMES).toHaveLength(29);
    for (const name of KEM_NAMES) {
      expect(kemNamed(name)).toBe(name);
      expect(kemNamed(name.toLowerCase())).toBe(name);
      expect(kemNamed(name.toUpperCase())).toBe(name);
    }
  });

  it("takes ML-KEM-786 for ML-KEM-768", () => {
    expect(kemNamed("ML-KEM-786")).toBe("ML-KEM-768");
    expect(kemNamed("ml-kem-786")).toBe("ML-KEM-768");
  });

  it.each(["", "QKD", "ML-KEM", "ML-KEM-768 ", "Kyber-768", "__proto__", "constructor", "toString"])(
    "knows no %j",
    (text) => expect(kemNamed(text)).toBeNull(),
  );
});
