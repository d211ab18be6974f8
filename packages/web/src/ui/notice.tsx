import type { ComponentChildren } from "preact";
import type { ConnectionError, Problem, ProviderWords } from "../api.ts";
import { Icon, type IconName } from "./icon.tsx";

type Tone = "info" | "good" | "warning" | "bad";
const icons: { readonly [T in Tone]: IconName } = { info: "info", good: "check", warning: "alert", bad: "alert" };

interface NoticeProps {
  readonly tone: Tone;
  readonly title?: string | undefined;
  readonly children?: ComponentChildren;
}

/** A message in the page; bad ones are read out at once, the others when the reader has time. */
export function Notice({ tone, title, children }: NoticeProps) {
  return (
    <div class={`notice notice-${tone}`} role={tone === "bad" ? "alert" : "status"}>
      <Icon name={icons[tone]} />
      <div class="notice-body">
        {title ? <p class="notice-title">{title}</p> : null}
        {children}
      </div>
    </div>
  );
}

interface ProblemNoticeProps {
  readonly problem: Problem | undefined;
  readonly showCode?: boolean;
  readonly children?: ComponentChildren;
}

/** A call that failed: what, what to do about it, what the provider said, and the number to ask about it by. */
export function ProblemNotice({ problem, showCode = false, children }: ProblemNoticeProps) {
  if (problem === undefined) return null;
  return (
    <Notice tone="bad" title={problem.message}>
      {problem.hint ? <p>{problem.hint}</p> : null}
      <ProviderSaid words={problem.provider} />
      {children}
      <p class="notice-small">
        {showCode ? <code>{problem.code}</code> : null}
        {problem.requestId ? (
          <span>
            Request <code>{problem.requestId}</code>
          </span>
        ) : null}
      </p>
    </Notice>
  );
}

/** Why a connection is not well. */
export function ErrorNotice({ error, children }: { readonly error: ConnectionError; readonly children?: ComponentChildren }) {
  return (
    <Notice tone="bad" title={error.message}>
      <p>{error.hint}</p>
      <ProviderSaid words={error.provider} />
      {children}
    </Notice>
  );
}

/** The provider's own words, as text. */
function ProviderSaid({ words }: { readonly words: ProviderWords | undefined }) {
  if (words === undefined) return null;
  const code = [words.status, words.error].filter((part) => part !== undefined && part !== "").join(" ");
  if (code === "" && !words.error_description) return null;
  return (
    <blockquote class="provider-words">
      <span class="soft">The provider said: </span>
      {code ? <code>{code}</code> : null} {words.error_description ?? ""}
    </blockquote>
  );
}
