import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import type { Status } from "../api.ts";
import { fullTime, relativeTime, statusNames } from "../format.ts";

/** Small things that say one fact each. */

export function StatusPill({ status }: { readonly status: Status }) {
  return (
    <span class="pill" data-status={status}>
      {statusNames[status]}
    </span>
  );
}

export function Time({ iso }: { readonly iso: string }) {
  return (
    <time dateTime={iso} title={fullTime(iso)}>
      {relativeTime(iso, Date.now())}
    </time>
  );
}

/** A connector's picture, or its first letter while there is none. */
export function ConnectorIcon({ url, title, large = false }: { url: string | null | undefined; title: string; large?: boolean }) {
  const [broken, setBroken] = useState(false);
  return (
    <span class={large ? "connector-icon connector-icon-large" : "connector-icon"} aria-hidden="true">
      {url && !broken ? <img src={url} alt="" loading="lazy" onError={() => setBroken(true)} /> : title.charAt(0).toUpperCase()}
    </span>
  );
}

interface FactProps {
  readonly name: string;
  readonly children: ComponentChildren;
}

export function Fact({ name, children }: FactProps) {
  return (
    <div class="fact">
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
