import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { LIMITS } from "../limits.ts";
import { readNotification } from "./notification.ts";

const NS = 'xmlns="urn:ietf:params:xml:ns:yang:ietf-i2nsf-ikeless"';
const TIME = "2026-11-22T07:00:00Z";
const notification = (inner: string, time = `<eventTime>${TIME}</eventTime>`) =>
  `<notification xmlns="urn:ietf:params:xml:ns:netconf:notification:1.0">${time}${inner}</notification>`;
const read = (text: string) => {
  const told = readNotification(text);
  return told.ok ? told.value : told.error;
};

describe("a notification of a host", () => {
  test("sadb-expire, soft where it does not say otherwise", () => {
    const inner = `<sadb-expire ${NS}><ipsec-sa-name>a_2</ipsec-sa-name><lifetime-current><time>25</time><bytes>9999999999</bytes></lifetime-current></sadb-expire>`;
    expect(read(notification(inner))).toEqual({
      eventTime: TIME,
      kind: "sadb-expire",
      saName: "a_2",
      soft: true,
      current: { time: 25, bytes: "9999999999" },
    });
    expect(
      read(notification(inner.replace("<lifetime", "<soft-lifetime-expire>false</soft-lifetime-expire><lifetime"))),
    ).toMatchObject({
      soft: false,
    });
  });

  test("sadb-acquire, sadb-bad-spi, sadb-seq-overflow; leaves of a host's own are passed over", () => {
    const selector = "<local-prefix>10.0.0.11/32</local-prefix><remote-prefix>10.0.0.20/32</remote-prefix>";
    const acquire = `<x:sadb-acquire xmlns:x="y"><x:ipsec-policy-name>p</x:ipsec-policy-name><x:traffic-selector>${selector}</x:traffic-selector><x:vendor>1</x:vendor></x:sadb-acquire>`;
    expect(read(notification(acquire))).toEqual({
      eventTime: TIME,
      kind: "sadb-acquire",
      policyName: "p",
      selector: { "local-prefix": "10.0.0.11/32", "remote-prefix": "10.0.0.20/32" },
    });
    expect(read(notification(`<sadb-bad-spi ${NS}><spi>4294967295</spi></sadb-bad-spi>`))).toMatchObject({
      spi: 4_294_967_295,
    });
    expect(
      read(notification(`<sadb-seq-overflow ${NS}><ipsec-sa-name>a_2</ipsec-sa-name></sadb-seq-overflow>`)),
    ).toMatchObject({
      kind: "sadb-seq-overflow",
      saName: "a_2",
    });
  });

  test("of something else is null", () => {
    expect(read(notification("<netconf-config-change><x/></netconf-config-change>"))).toBeNull();
    expect(read(notification("<valueOf>x</valueOf>"))).toBeNull();
  });

  test.each([
    [notification("<sadb-expire/>", ""), "eventTime: is missing, or no time"],
    [notification("<sadb-expire/>"), "sadb-expire/ipsec-sa-name: is missing"],
    [
      notification("<sadb-bad-spi><spi>x</spi></sadb-bad-spi>"),
      "sadb-bad-spi/spi: shall be a whole number from 0 to 4294967295",
    ],
    ["<rpc-reply/>", "no notification"],
    ["<notification/>", "the notification is empty"],
    [notification("") + notification(""), "no notification"],
    ["<!DOCTYPE a>", "the XML shall have no DTD, no declarations and no CDATA"],
    [notification(" ".repeat(LIMITS.ipsecNotificationBytes)), "the notification is too large"],
  ])("%#: %.60s is refused", (text, words) => expect(read(text)).toBe(words));

  test("nothing makes it throw", () => {
    const part = fc.constantFrom(
      "<",
      ">",
      "/>",
      "</",
      "notification",
      "eventTime",
      "sadb-expire",
      "<spi>",
      " ",
      "&amp;",
      "x",
      "1",
    );
    fc.assert(fc.property(fc.array(part, { maxLength: 20 }), (parts) => void readNotification(parts.join(""))));
    fc.assert(
      fc.property(fc.array(part, { maxLength: 10 }), (parts) => void readNotification(notification(parts.join("")))),
    );
  });
});
