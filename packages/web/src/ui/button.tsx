import type { ComponentChildren } from "preact";
import { Icon, type IconName } from "./icon.tsx";

interface ButtonProps {
  readonly children: ComponentChildren;
  readonly kind?: "primary" | "plain" | "danger" | "quiet";
  readonly type?: "button" | "submit";
  readonly icon?: IconName | undefined;
  /** Something is under way because of it; it cannot be pressed again until then. */
  readonly busy?: boolean;
  readonly disabled?: boolean;
  readonly describedBy?: string | undefined;
  readonly onPress?: (() => void) | undefined;
}

export function Button({ children, kind = "plain", type = "button", icon, busy, disabled, describedBy, onPress }: ButtonProps) {
  return (
    <button
      type={type}
      class={`button button-${kind}`}
      disabled={disabled || busy}
      aria-busy={busy ? true : undefined}
      aria-describedby={describedBy}
      onClick={onPress}
    >
      {busy ? <span class="spinner" aria-hidden="true" /> : icon ? <Icon name={icon} /> : null}
      {children}
    </button>
  );
}

interface LinkButtonProps extends Pick<ButtonProps, "children" | "icon" | "describedBy"> {
  readonly href: string;
  readonly kind?: "primary" | "plain";
}

/** A link to another of our pages that looks like a button. */
export function LinkButton({ href, children, kind = "plain", icon, describedBy }: LinkButtonProps) {
  return (
    <a class={`button button-${kind}`} href={href} aria-describedby={describedBy}>
      {icon ? <Icon name={icon} /> : null}
      {children}
    </a>
  );
}
