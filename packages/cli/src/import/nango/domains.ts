import { domainOf } from "../pattern.ts";

/** The domains of all hosts that stand in the definition's URLs. */
export function domainsIn(entry: Readonly<Record<string, unknown>>): string[] {
  const proxy = (entry.proxy ?? {}) as Record<string, unknown>;
  const texts = [entry.authorization_url, entry.token_url, entry.refresh_url, proxy.base_url].map((value) =>
    JSON.stringify(value ?? ""),
  );
  const hosts = texts.flatMap((text) => [...text.matchAll(/https?:\/\/([^/"?#: ]+)/g)].map(([, host = ""]) => host));
  const tails = hosts.map((host) => host.replace(/^.*\$\{[^}]*\}/, "").replace(/^\./, ""));
  return [...new Set(tails.filter((host) => /^[a-z0-9-]+(\.[a-z0-9-]+)+$/i.test(host)).map(domainOf))];
}
