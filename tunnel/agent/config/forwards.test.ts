import { describe, expect, test } from "vitest";
import { parseLocalForward, parseRemoteForward } from "./forwards.ts";

describe("-R as ssh has it", () => {
  test.each([
    ["9000:192.168.2.1:9000", { bind: null, port: 9000, host: "192.168.2.1", hostPort: 9000 }],
    ["0.0.0.0:9000:device:22", { bind: "0.0.0.0", port: 9000, host: "device", hostPort: 22 }],
    [":9000:device:22", { bind: "", port: 9000, host: "device", hostPort: 22 }],
    ["*:9000:device:22", { bind: "*", port: 9000, host: "device", hostPort: 22 }],
    ["[::1]:9000:[fe80::1]:22", { bind: "::1", port: 9000, host: "fe80::1", hostPort: 22 }],
    ["0:[::1]:65535", { bind: null, port: 0, host: "::1", hostPort: 65_535 }],
  ])("%s", (text, forward) => {
    expect(parseRemoteForward(text)).toEqual({ ok: true, value: forward });
  });

  test.each([
    "",
    "9000",
    "9000:host",
    "a:b:9000:host:9000",
    "9000:::1:9000",
    "9000:[::1:9000",
    "9000:[::1]x:9000",
    "65536:host:9000",
    "9000:host:0",
    "9000:host:65536",
    "9000::9000",
    "-1:host:9000",
    "0x10:host:1",
  ])("refused: %s", (text) => {
    const parsed = parseRemoteForward(text);
    expect(parsed.ok).toBe(false);
    if (!parsed.ok) expect(parsed.error).toContain(`-R ${text}: `);
  });
});

describe("-L", () => {
  test.each([
    ["9000:site-a/9000", { bind: null, port: 9000, site: "site-a", service: "9000" }],
    ["0.0.0.0:1:site-a/kme", { bind: "0.0.0.0", port: 1, site: "site-a", service: "kme" }],
    ["[::1]:0:a/b", { bind: "::1", port: 0, site: "a", service: "b" }],
  ])("%s", (text, forward) => {
    expect(parseLocalForward(text)).toEqual({ ok: true, value: forward });
  });

  test.each(["", "9000", "9000:host:9000", "9000:a/b/c", "x:a/b", "9000:/b", "9000:a/", "1:2:3:a/b"])(
    "refused: %s",
    (text) => {
      expect(parseLocalForward(text).ok).toBe(false);
    },
  );
});
