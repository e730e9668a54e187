/** SLH-DSA-SHA2-128f by OpenSSL, which signs in a seventh of the time: what it makes is verified by the code under test. */
import { createPrivateKey, sign } from "node:crypto";
import type { Sign } from "../../shared/postprocessing/authentication/slh-dsa.ts";

/** Before the 64 bytes of a key in PKCS #8: version 0, id-slh-dsa-sha2-128f, an octet string (RFC 9909, clause 6). */
const PKCS8_HEAD = Buffer.from("3052020100300b06096086480165030403150440", "hex");

/** The randomizer is of OpenSSL's own making: nothing but the signature's bytes depends on it. */
export const signByOpenSsl: Sign = (message, secretKey, { context }) => {
  const key = createPrivateKey({ key: Buffer.concat([PKCS8_HEAD, secretKey]), format: "der", type: "pkcs8" });
  // `context` came with Node.js 24.8, and is not in its types yet.
  const options: Parameters<typeof sign>[2] & { context: Uint8Array } = { key, context };
  return new Uint8Array(sign(null, message, options));
};
