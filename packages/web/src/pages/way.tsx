import type { Auth } from "../api.ts";
import { confirmsElsewhere } from "../sign-in.ts";
import { Icon } from "../ui/icon.tsx";

/** The way that is chosen at first: the recommended one, if this deployment allows it. */
export function firstWay(ways: readonly Auth[]): Auth | undefined {
  const offered = ways.filter(isOffered);
  return offered.find(({ recommended }) => recommended) ?? offered[0];
}

/** Whether this deployment allows it. */
export const isOffered = ({ available }: Auth): boolean => available !== false;

/** Whether the person's own password is given to this platform. */
export const isLegacy = ({ grant }: Auth): boolean => grant === "password";

/** What stands beside a way's title. */
export function WayTags({ way }: { readonly way: Auth }) {
  return (
    <>
      {way.recommended ? <span class="tag">Recommended</span> : null}
      {isLegacy(way) ? <span class="tag tag-legacy">Legacy sign-in</span> : null}
    </>
  );
}

/** What a way to connect asks of the person. */
export function wayKind(way: Auth): string {
  const { user_step, takes_app, registers_itself, fields } = way;
  if (confirmsElsewhere(way)) return "You enter a code at the provider, on any device.";
  if (user_step)
    return takes_app && !registers_itself
      ? "You sign in at the provider; an admin has registered the app."
      : "You sign in at the provider.";
  if (fields.length === 0) return "Needs nothing from you.";
  return "You enter the credentials here; no sign-in at the provider.";
}

/** Which of two grants fits, where a connector has both; nothing where there is no choice. */
export function wayAdvice(way: Auth, ways: readonly Auth[]): string | undefined {
  const others = ways.filter((other) => other !== way && isOffered(other)).map(({ grant }) => grant);
  if (way.grant === "client_credentials" && others.includes("authorization_code"))
    return "Preferred when no person's own data is needed: one request, nobody has to consent.";
  if (way.grant === "authorization_code" && others.includes("client_credentials"))
    return "For one person's own data: that person signs in and consents.";
  return undefined;
}

/** What becomes of a password that is typed here. */
export function PasswordNotice({ way }: { readonly way: Auth }) {
  if (!isLegacy(way)) return null;
  return (
    <p class="advice">
      <Icon name="shield" />{" "}
      {way.stores_password
        ? "You give your password to this platform. It is stored sealed, and used only to sign in again."
        : "You give your password to this platform. It is used once for a token, and not stored."}
    </p>
  );
}

interface ScopesProps {
  readonly way: Auth;
  readonly title: string;
  /** Whether those are listed, too, that only some actions need. */
  readonly whole?: boolean;
}

/** What is asked for at the provider, and why. */
export function Scopes({ way: { scopes }, title, whole = false }: ScopesProps) {
  if (!scopes) return null;
  const { required, optional } = scopes;
  const listed = whole ? [...required, ...optional] : required;
  if (listed.length === 0) return null;
  return (
    <section class="scopes" aria-labelledby="scopes">
      <h2 id="scopes">{title}</h2>
      <ul>
        {listed.map((scope) => (
          <li key={scope.name}>
            {scope.reason} <code>{scope.name}</code> {optional.includes(scope) ? <span class="tag">Only when needed</span> : null}
          </li>
        ))}
      </ul>
      {optional.length > 0 && !whole ? <p class="soft">More is asked for only when an action that you use needs it.</p> : null}
    </section>
  );
}

/** What is good advice whatever is connected; shown for every connector. */
export function GeneralAdvice() {
  return (
    <section class="general-advice" aria-labelledby="general-advice">
      <h3 id="general-advice">
        <Icon name="shield" /> Whatever you connect
      </h3>
      <ul>
        <li>Prefer a dedicated account that was made for this purpose to a person's own.</li>
        <li>Give it the least privilege that the work needs; read-only where nothing has to be changed.</li>
        <li>Ask for as few scopes as you need; the connection shows what was granted.</li>
        <li>Replace secrets from time to time, and look at the connection's events for use that you do not expect.</li>
      </ul>
    </section>
  );
}
