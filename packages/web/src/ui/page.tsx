import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";

interface PageProps {
  readonly title: string;
  /** What browser tests find the title by. */
  readonly titleId?: string;
  /** What stands under the title. */
  readonly lead?: ComponentChildren;
  /** What stands before the title. */
  readonly icon?: ComponentChildren;
  /** Where this page belongs to. */
  readonly above?: readonly { readonly href: string; readonly title: string }[];
  readonly actions?: ComponentChildren;
  readonly children: ComponentChildren;
}

/** One page: its title is the document's, and takes the focus when the page opens, so that readers hear where they are. */
export function Page({ title, titleId, lead, icon, above = [], actions, children }: PageProps) {
  const heading = usePageTitle(title);
  return (
    <div class="page">
      {above.length > 0 ? (
        <nav class="above" aria-label="Breadcrumb">
          {above.map((place) => (
            <a key={place.href} href={place.href}>
              {place.title}
            </a>
          ))}
        </nav>
      ) : null}
      <header class="page-head">
        {icon}
        <div class="page-title">
          <h1 ref={heading} tabIndex={-1} data-testid={titleId}>
            {title}
          </h1>
          {lead ? <div class="lead">{lead}</div> : null}
        </div>
        {actions ? <div class="page-actions">{actions}</div> : null}
      </header>
      {children}
    </div>
  );
}

/** Names the document, and focuses the heading once, unless the page has put the focus elsewhere. */
export function usePageTitle(title: string) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = `${title} · Jackfield`;
  }, [title]);
  useEffect(() => {
    if (document.activeElement === document.body || document.activeElement?.tagName === "A") {
      heading.current?.focus({ preventScroll: true });
    }
  }, []);
  return heading;
}
