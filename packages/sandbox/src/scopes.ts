/** What each scope lets an app do, in the words of the consent page. */
export const scopes = {
  profile: "See your name and e-mail address",
  "files.read": "List and read your files",
  "files.write": "Create and delete files",
} as const;

export type Scope = keyof typeof scopes;

export const scopeNames = Object.keys(scopes) as readonly Scope[];

/** The scopes of a `scope` parameter, or undefined if one of them is unknown. */
export function parseScope(text: string): readonly Scope[] | undefined {
  const names = [...new Set(text.split(" ").filter((name) => name !== ""))];
  return names.every(isScope) ? names : undefined;
}

function isScope(name: string): name is Scope {
  return Object.hasOwn(scopes, name);
}
