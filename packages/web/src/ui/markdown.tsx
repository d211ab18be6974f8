import { lexer, type Token, type Tokens } from "marked";
import type { ComponentChildren } from "preact";
import { useMemo } from "preact/hooks";
import { safeLink, unescaped } from "./safe-link.ts";

/**
 * Markdown of a manifest's author as elements. It is rendered token by token, so that HTML in it stays text and no link leads to
 * anything but a page or a mail address.
 */
export function Markdown({ text }: { readonly text: string }) {
  const tokens = useMemo(() => lexer(text), [text]);
  return <div class="markdown">{rendered(tokens)}</div>;
}

type Rendering = { readonly [Type in string]?: (token: never) => ComponentChildren };

const renderings: Rendering = {
  space: () => null,
  paragraph: (token: Tokens.Paragraph) => <p>{rendered(token.tokens)}</p>,
  // A page has its own outline: headings of a text within it are only strong lines.
  heading: (token: Tokens.Heading) => (
    <p class="markdown-heading">
      <strong>{rendered(token.tokens)}</strong>
    </p>
  ),
  list: (token: Tokens.List) =>
    token.ordered ? <ol start={token.start || 1}>{token.items.map(item)}</ol> : <ul>{token.items.map(item)}</ul>,
  blockquote: (token: Tokens.Blockquote) => <blockquote>{rendered(token.tokens)}</blockquote>,
  code: (token: Tokens.Code) => (
    <pre>
      <code>{token.text}</code>
    </pre>
  ),
  hr: () => <hr />,
  br: () => <br />,
  strong: (token: Tokens.Strong) => <strong>{rendered(token.tokens)}</strong>,
  em: (token: Tokens.Em) => <em>{rendered(token.tokens)}</em>,
  del: (token: Tokens.Del) => <del>{rendered(token.tokens)}</del>,
  codespan: (token: Tokens.Codespan) => <code>{token.text}</code>,
  escape: (token: Tokens.Escape) => token.text,
  text: (token: Tokens.Text) => (token.tokens ? rendered(token.tokens) : unescaped(token.text)),
  link: (token: Tokens.Link) => link(token),
  // Nothing is loaded from elsewhere: a picture is its description.
  image: (token: Tokens.Image) => token.text,
};

function rendered(tokens: readonly Token[]): ComponentChildren {
  return tokens.map((token) => {
    const render = renderings[token.type] as ((token: Token) => ComponentChildren) | undefined;
    return render === undefined ? token.raw : render(token);
  });
}

function item(entry: Tokens.ListItem) {
  return <li>{rendered(entry.tokens)}</li>;
}

function link(token: Tokens.Link): ComponentChildren {
  const href = safeLink(token.href);
  if (href === undefined) return rendered(token.tokens);
  return (
    <a href={href} target="_blank" rel="noopener noreferrer">
      {rendered(token.tokens)}
    </a>
  );
}
