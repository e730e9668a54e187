import fc from "fast-check";
import { expect, test } from "vitest";
import { renameUser } from "./rename-user.ts";

const FORM = "application/x-www-form-urlencoded";
const USERS = { pwebb: "site2", "a b": "c&d=ü" };
const renamed = (form: string, contentType = FORM, users: Readonly<Record<string, string>> = USERS): string =>
  Buffer.from(renameUser(Buffer.from(form, "utf8"), contentType, users)).toString("utf8");

test("the user of a password grant, however it is escaped, and nothing else", () => {
  expect(renamed("username=pwebb&grant_type=password&password=pwebb")).toBe(
    "username=site2&grant_type=password&password=pwebb",
  );
  expect(renamed("grant_type=password&username=%70webb")).toBe("grant_type=password&username=site2");
  expect(renamed("grant_type=password&user%6eame=a+b")).toBe("grant_type=password&username=c%26d%3D%C3%BC");
  expect(renamed("grant_type=password&username=pwebb", "application/x-www-form-urlencoded; charset=UTF-8")).toBe(
    "grant_type=password&username=site2",
  );
});

test.each([
  "grant_type=client_credentials&username=pwebb",
  "grant_type=refresh_token&refresh_token=pwebb",
  "username=pwebb",
  "grant_type=password&username=pwebb&username=pwebb",
  "grant_type=password&username=someone",
  "grant_type=password&username=toString",
  "grant_type=password&username=%zz",
  "grant_type=password&username",
  "",
])("%s goes on as it came", (form) => {
  expect(renamed(form)).toBe(form);
});

test("so does what is no form, and what is sent where nobody is renamed", () => {
  const json = '{"grant_type":"password","username":"pwebb"}';
  expect(renamed(json, "application/json")).toBe(json);
  expect(renamed("grant_type=password&username=pwebb", FORM, {})).toBe("grant_type=password&username=pwebb");
});

test("property: every other member is passed on to the byte, whatever it is", () => {
  const member = fc.tuple(fc.string(), fc.string()).map(([name, value]) => `${name}=${value}`.replaceAll("&", ""));
  const others = fc.array(
    member.filter((text) => !/^(?:username|grant_type|%)/.test(text)),
    { maxLength: 5 },
  );
  fc.assert(
    fc.property(others, others, (before, after) => {
      const form = (user: string): string => ["grant_type=password", ...before, `username=${user}`, ...after].join("&");
      expect(renamed(form("pwebb"))).toBe(form("site2"));
    }),
    { numRuns: 200 },
  );
});
