/** Headers that are about one connection only (RFC 9110 §7.6.1), beside those that `Connection` names. */
const hopByHop = new Set([
  "connection",
  "expect",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/** The headers that go on to the next hop; names in lower case. */
export function withoutHopByHop(headers: Readonly<Record<string, string>>): Record<string, string> {
  const lower = Object.entries(headers).map(([name, value]): [string, string] => [name.toLowerCase(), value]);
  const connection = lower.find(([name]) => name === "connection")?.[1] ?? "";
  const listed = new Set(connection.split(",").map((name) => name.trim().toLowerCase()));
  return Object.fromEntries(lower.filter(([name]) => !hopByHop.has(name) && !listed.has(name)));
}
