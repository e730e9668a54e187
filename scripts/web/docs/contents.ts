/**
 * The documentation's table of contents, as its site has it: every page of docs/ is in it, and what else of the project
 * belongs to a subject.
 */

export interface Section {
  readonly title: string;
  /** Files, from the project's folder. */
  readonly pages: readonly string[];
}

/** The site's first page. */
export const HOME = "docs/README.md";

export const CONTENTS: readonly Section[] = [
  { title: "First steps", pages: [HOME, "docs/dashboard.md", "docs/architecture.md", "docs/cli.md"] },
  {
    title: "Keys for applications",
    pages: [
      "shared/etsi014/README.md",
      "docs/etsi004/README.md",
      "docs/etsi004/native.md",
      "docs/etsi004/json-tcp.md",
      "docs/etsi004/binary.md",
      "docs/etsi004/qkd-module.md",
      "docs/etsi004/qkd-module-0.9.md",
      "docs/open-qkd-network.md",
      "docs/client.md",
      "docs/messenger.md",
    ],
  },
  {
    title: "Networks",
    pages: ["docs/network-document.md", "docs/relay.md", "docs/hybrid.md", "docs/ipsec.md", "docs/etsi020.md"],
  },
  { title: "Sites and devices", pages: ["docs/agent.md", "docs/tunnel.md", "tunnel/feeds/README.md"] },
  {
    title: "Operating",
    pages: [
      "docs/operating.md",
      "docs/dashboard.md",
      "docs/deploy.md",
      "docs/docker.md",
      "docs/alarms.md",
      "docs/monitor.md",
      "docs/audit.md",
      "docs/metrics.md",
      "docs/doctor.md",
      "bench/results.md",
    ],
  },
  { title: "Security", pages: ["docs/security.md", "docs/threats.md", "docs/authentication.md", "SECURITY.md"] },
  { title: "Moving here", pages: ["docs/moving.md", "docs/qkd-trusted-node.md"] },
  { title: "The project", pages: ["CHANGELOG.md", "CONTRIBUTING.md", "docs/adr/README.md"] },
];

/** Others that the pages lead to: they can be read and searched, and stand in no list. */
export const BESIDES: readonly RegExp[] = [
  /^docs\/adr\/\d{4}-.*\.md$/,
  /^(?:shared|examples|tunnel|test)\/.*README\.md$/,
  /^README\.md$/,
];
