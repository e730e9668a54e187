import { parse } from "yaml";
import { expect, test } from "vitest";
import { importConfig } from "./original-config.ts";

/** With the sections and keys of the file in qkd-module's repository; values are others. */
const FILE = `
internal_db:
  host: 192.0.2.15
  port: 3307
  user: root
  passwd: not-a-password
  database: data
simulator:
  table: bb
  eve: no
  private_key: b'not\\xbfa key'
  public_key: b'nor\\xb3this'
module:
  table: handles
  sender: 1
  sim: fake
  # sim: bb84
  max_key_count: 20
vault:
  host: 192.0.2.15
  token: s.not-a-token
  port: 8200
`;

test("every key is mapped or named as ignored, with a reason", () => {
  const { role, sim, module, mapped, ignored, problems } = importConfig(parse(FILE));
  expect({ role, sim, module, problems }).toEqual({
    role: "sender",
    sim: "fake",
    module: { max_key_count: 20 },
    problems: [],
  });
  expect(mapped.map(({ key }) => key)).toEqual([
    "simulator.eve",
    "module.sender",
    "module.sim",
    "module.max_key_count",
  ]);
  expect(ignored).toHaveLength(12);
  for (const { why } of ignored) expect(why).not.toContain("no such key");
});

test("no secret of the file is repeated", () => {
  const text = JSON.stringify(importConfig(parse(FILE)));
  for (const secret of ["not-a-password", "not-a-token", "a key"]) expect(text).not.toContain(secret);
});

test("a receiver of bb84 with Eve", () => {
  const text = FILE.replace("sender: 1", "sender: 0").replace("sim: fake", "sim: bb84").replace("eve: no", "eve: yes");
  expect(importConfig(parse(text))).toMatchObject({ role: "receiver", sim: "bb84", module: { eve_share: 1 } });
});

test.each([
  ["module:\n  sender: 2\n  sim: fake\n", "module.sender: 2 is none of its values"],
  ["module:\n  sender: 1\n  sim: qiskit\n", 'module.sim: "qiskit" is none of its values'],
  ["module:\n  sender: 1\n", "module.sim: missing"],
  ["just text", "not a configuration of qkd-module: it has sections with keys"],
])("%j: %s", (text, problem) => {
  expect(importConfig(parse(text)).problems).toContain(problem);
});

test("keys it does not know are told", () => {
  const { ignored } = importConfig(parse(`${FILE}\nextra: 1\nmodule2:\n  colour: blue\n`));
  expect(ignored.slice(-2)).toEqual([
    { key: "extra", why: "qkd-module knows no such key" },
    { key: "module2.colour", why: "qkd-module knows no such key" },
  ]);
});
