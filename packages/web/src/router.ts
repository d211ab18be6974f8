import { useEffect, useState } from "preact/hooks";

/** Where the browser is: the path, and the query after it. */
export interface Place {
  readonly path: string;
  readonly query: URLSearchParams;
}

const moved = "jackfield:moved";

function here(): Place {
  return { path: location.pathname, query: new URLSearchParams(location.search) };
}

/** Goes to another of our pages without loading the document again. */
export function navigate(href: string, options: { readonly replace?: boolean } = {}): void {
  if (options.replace) history.replaceState(null, "", href);
  else history.pushState(null, "", href);
  dispatchEvent(new Event(moved));
  if (!options.replace) scrollTo(0, 0);
}

/** Whether the page answers a click on the link itself, or leaves it to the browser. */
function isOurs(event: MouseEvent, link: HTMLAnchorElement): boolean {
  const plain = event.button === 0 && !(event.metaKey || event.ctrlKey || event.shiftKey || event.altKey);
  return (
    plain && !event.defaultPrevented && link.origin === location.origin && link.target === "" && link.dataset.route !== "server"
  );
}

/** The current place; every plain `<a href>` within this origin is followed in the page. */
export function usePlace(): Place {
  const [place, setPlace] = useState(here);
  useEffect(() => {
    const update = (): void => setPlace(here());
    const follow = (event: MouseEvent): void => {
      const link = event.target instanceof Element ? event.target.closest<HTMLAnchorElement>("a[href]") : null;
      if (link === null || !isOurs(event, link)) return;
      // A link to a part of the page itself is the browser's own business.
      if (link.hash !== "" && link.pathname === location.pathname) return;
      event.preventDefault();
      navigate(link.pathname + link.search);
    };
    addEventListener("popstate", update);
    addEventListener(moved, update);
    document.addEventListener("click", follow);
    return () => {
      removeEventListener("popstate", update);
      removeEventListener(moved, update);
      document.removeEventListener("click", follow);
    };
  }, []);
  return place;
}

/** The values of a pattern's `:name` parts, or undefined if the path is another. */
export function match(pattern: string, path: string): Readonly<Record<string, string>> | undefined {
  const expected = pattern.split("/").filter(Boolean);
  const given = path.split("/").filter(Boolean);
  if (expected.length !== given.length) return undefined;
  const values: Record<string, string> = {};
  for (const [index, part] of expected.entries()) {
    const value = given[index] ?? "";
    if (part.startsWith(":")) values[part.slice(1)] = decoded(value);
    else if (part !== value) return undefined;
  }
  return values;
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
