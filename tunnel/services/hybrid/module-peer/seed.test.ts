/** Vectors worked out with Python's hashlib, step by step as the module does it. */
import { expect, test } from "vitest";
import { keyOfSeed } from "./seed.ts";

test.each([
  ["123456789", 16, "15e2b0d3c33891ebb0f1ef609ec41942"],
  ["123456789", 32, "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225"],
  [
    "123456789",
    80,
    "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225292b0d007566832db94bfae689cd70d1ab772811fd44b9f49d8550ee9ea6a494e9861d0d28893be2b13e1690064345a8",
  ],
  ["", 1, "e3"],
  ["123456789", 0, ""],
  [
    "gr\u00fcn",
    64,
    "fe263064ba02eaeac482aaf1309553779bdb78e385cb1374654de293e191d785ee115f4b6149aa9a196c99ac4f42480c7a3d5904621cec0587062169a740f396",
  ],
])("%j, %i bytes", (seed, lengthBytes, hex) => {
  expect(Buffer.from(keyOfSeed(seed, lengthBytes)).toString("hex")).toBe(hex);
});
