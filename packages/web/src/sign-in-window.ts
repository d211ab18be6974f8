/** The window in which a person signs in at the provider. */
export interface SignInWindow {
  /** Whether the browser says that it is closed. A page with an opener policy makes this a guess. */
  readonly seemsClosed: () => boolean;
  readonly goTo: (url: string) => void;
  readonly close: () => void;
}

const width = 560;
const height = 720;

/**
 * Opens the window; must be called straight from the click, before anything is awaited, or the browser blocks it. Gives undefined if
 * the browser blocked it all the same.
 */
export function openSignInWindow(): SignInWindow | undefined {
  const left = Math.max(0, Math.round(screenX + (outerWidth - width) / 2));
  const top = Math.max(0, Math.round(screenY + (outerHeight - height) / 3));
  const popup = open("", "_blank", `popup,width=${width},height=${height},left=${left},top=${top}`);
  if (popup === null || popup.closed) return undefined;
  greet(popup.document);
  return {
    seemsClosed: () => popup.closed,
    goTo: (url) => popup.location.replace(url),
    close: () => popup.close(),
  };
}

function greet(page: Document): void {
  page.title = "Opening the sign-in page…";
  const scheme = page.createElement("meta");
  scheme.name = "color-scheme";
  scheme.content = "light dark";
  page.head.append(scheme);
  page.body.textContent = "Opening the sign-in page…";
}

/** The URL, if a browser may be sent there. */
export function webUrl(text: string | null | undefined): string | undefined {
  if (!text || !URL.canParse(text, location.origin)) return undefined;
  const url = new URL(text, location.origin);
  return url.protocol === "https:" || url.protocol === "http:" ? url.href : undefined;
}
