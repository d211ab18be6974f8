import type { ComponentChildren } from "preact";
import type { Loading } from "../loaded.ts";
import { Button } from "./button.tsx";
import { Icon, type IconName } from "./icon.tsx";
import { ProblemNotice } from "./notice.tsx";

interface ShowProps<T> {
  readonly loading: Loading<T>;
  readonly children: (value: T) => ComponentChildren;
}

/** What was loaded, or that it is loading, or why it could not be. */
export function Show<T>({ loading: { loaded, reload }, children }: ShowProps<T>) {
  if (loaded.state === "loading") return <Waiting />;
  if (loaded.state === "ready") return <>{children(loaded.value)}</>;
  return (
    <ProblemNotice problem={loaded.problem}>
      <Button onPress={reload}>Try again</Button>
    </ProblemNotice>
  );
}

export function Waiting({ text = "Loading…" }: { readonly text?: string }) {
  return (
    <p class="waiting" role="status">
      <span class="spinner" aria-hidden="true" /> {text}
    </p>
  );
}

interface EmptyProps {
  readonly icon: IconName;
  readonly title: string;
  readonly children?: ComponentChildren;
}

/** Nothing is here yet, and what to do about it. */
export function Empty({ icon, title, children }: EmptyProps) {
  return (
    <div class="empty">
      <Icon name={icon} />
      <p class="empty-title">{title}</p>
      {children}
    </div>
  );
}
