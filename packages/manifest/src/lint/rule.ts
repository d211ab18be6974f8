import { type AuthManifest, environmentsOf, type FieldManifest, fieldsOf } from "../defaults.ts";
import type { Reference } from "../jsonata/references.ts";
import { places } from "../names.ts";
import type { ProblemCode } from "../problem.ts";
import type { Manifest } from "../schema/manifest.ts";
import type { Place } from "../schema/text.ts";
import type { Finding, Path } from "../source.ts";
import type { Piece, Text, Texts } from "../text.ts";
import { Usage } from "./usage.ts";

/** What a rule finds; the table adds the code. */
export type Found = Omit<Finding, "code">;

/** One thing that a manifest must or should keep to, beyond its shape. */
export interface Rule {
  readonly code: ProblemCode;
  check(manifest: CheckedManifest): Iterable<Found>;
}

export interface CheckedAuth {
  readonly id: string;
  readonly path: Path;
  readonly auth: AuthManifest;
  /** With those that the type or the client implies. */
  readonly fields: readonly FieldManifest[];
}

/** The namespaces that captured values stand in. */
export type Captured = "callback" | "token" | "connection";

const keys = (map: object | undefined) => Object.keys(map ?? {});

/** What an auth block keeps from outside, by the namespace that templates find it in. */
const captured: { readonly [N in Captured]: (auth: AuthManifest) => string[] } = {
  callback: (auth) => (auth.type === "oauth2" ? keys(auth.callback?.capture) : []),
  token: (auth) => {
    if (auth.type !== "oauth2" && auth.type !== "custom") return [];
    return [auth.token, ...(auth.token?.then ?? [])].flatMap((block) => keys(block?.capture));
  },
  connection: (auth) =>
    (auth.after_connect ?? []).flatMap(({ capture, choose }) => [...keys(capture), ...(choose ? [choose.name] : [])]),
};

export const isCaptured = (namespace: string): namespace is Captured => Object.hasOwn(captured, namespace);

/** A name in a text, with everything that a rule wants to know about it. */
export interface Use {
  readonly text: Text;
  readonly piece: Piece;
  readonly reference: Reference;
}

/** Whether a host, without its port, may be spoken to in plain http. */
export type PlainHttp = (host: string) => boolean;

type Inputs = NonNullable<NonNullable<Manifest["actions"]>[string]["input"]>;

/** What is worked out once for a manifest, however many rules ask for it. */
export function derived<Of extends object, T>(make: (of: Of) => T): (of: Of) => T {
  const known = new WeakMap<Of, { readonly value: T }>();
  return (of) => {
    let found = known.get(of);
    if (!found) {
      found = { value: make(of) };
      known.set(of, found);
    }
    return found.value;
  };
}

/** A manifest whose shape is sound, as the rules look at it. */
export class CheckedManifest {
  readonly manifest: Manifest;
  readonly folder: string | undefined;
  readonly plainHttp: PlainHttp;
  readonly texts: readonly Text[];
  readonly auths: readonly CheckedAuth[];
  readonly environments: Readonly<Record<string, Readonly<Record<string, string>>>>;
  private allPieces: readonly { text: Text; piece: Piece }[] | undefined;
  private allUses: readonly Use[] | undefined;
  private byPlace: ReadonlyMap<Place, readonly Text[]> | undefined;
  private byPath: ReadonlyMap<string, Text> | undefined;
  private allUsage: Usage | undefined;
  private allInputs: readonly { path: Path; input: Inputs }[] | undefined;

  constructor(manifest: Manifest, texts: Texts, folder: string | undefined, plainHttp: PlainHttp) {
    this.manifest = manifest;
    this.texts = texts.all;
    this.folder = folder;
    this.plainHttp = plainHttp;
    this.auths = Object.entries(manifest.auth).map(([id, auth]) => ({ id, path: ["auth", id], auth, fields: fieldsOf(auth) }));
    this.environments = environmentsOf(manifest);
  }

  /** The ways to connect under which a text is used: the one that it stands in, those that its action works with, or all. */
  authsOf({ path }: Pick<Text, "path">): readonly CheckedAuth[] {
    if (path[0] === "auth") return this.auths.filter(({ id }) => id === path[1]);
    const own = path[0] === "actions" ? this.manifest.actions?.[String(path[1])]?.auth : undefined;
    return own === undefined ? this.auths : this.auths.filter(({ id }) => own.includes(id));
  }

  /** What workflows give: the inputs of every action and trigger, with the path of the block that declares them. */
  inputs(): readonly { path: Path; input: Inputs }[] {
    this.allInputs ??= (["actions", "triggers"] as const).flatMap((block) =>
      Object.entries(this.manifest[block] ?? {}).flatMap(([id, { input }]) => (input ? [{ path: [block, id], input }] : [])),
    );
    return this.allInputs;
  }

  /** The inputs that a text may name; undefined where there are none, or where those of any action may be meant. */
  inputsOf(text: Text): Inputs | undefined {
    const [block, id] = text.path;
    if (block !== "actions" && block !== "triggers") return undefined;
    return this.manifest[block]?.[String(id)]?.input ?? {};
  }

  /** The values of other namespaces that the auth blocks of a text capture. */
  capturesOf(text: Text, namespace: Captured): readonly string[] {
    return this.authsOf(text).flatMap(({ auth }) => captured[namespace](auth));
  }

  /** The texts that stand at a place. */
  at(place: Place): readonly Text[] {
    this.byPlace ??= grouped(this.texts);
    return this.byPlace.get(place) ?? [];
  }

  /** The text at a path, if there is one. */
  textAt(path: Path): Text | undefined {
    this.byPath ??= new Map(this.texts.map((text) => [text.path.join("\n"), text]));
    return this.byPath.get(path.join("\n"));
  }

  /** Which names are used where. */
  get usage(): Usage {
    this.allUsage ??= new Usage(this.pieces());
    return this.allUsage;
  }

  pieces(): readonly { text: Text; piece: Piece }[] {
    this.allPieces ??= this.texts.flatMap((text) => text.pieces.map((piece) => ({ text, piece })));
    return this.allPieces;
  }

  uses(): readonly Use[] {
    this.allUses ??= this.pieces().flatMap(({ text, piece }) =>
      piece.analysis.references.map((reference) => ({ text, piece, reference })),
    );
    return this.allUses;
  }
}

function grouped(texts: readonly Text[]): ReadonlyMap<Place, readonly Text[]> {
  const groups = new Map<Place, Text[]>();
  for (const text of texts) {
    const group = groups.get(text.place);
    if (group) group.push(text);
    else groups.set(text.place, [text]);
  }
  return groups;
}

/**
 * The output of an action with pages reads each item, so that any name may stand there. Whether one that was left out for its shape has
 * pages cannot be told.
 */
export function isFree({ place, path }: Text, { manifest }: CheckedManifest): boolean {
  if (places[place].free) return true;
  if (place !== "action.output") return false;
  const action = manifest.actions?.[String(path[1])];
  return action === undefined || action.paginate !== undefined;
}

/** The place of one name of a reference; by default of the last one. */
export function placeOf({ text, piece, reference }: Use, name = reference.path.length - 1): Pick<Found, "path" | "within"> {
  const start = piece.offset + (reference.offsets[name] ?? 0);
  return { path: text.path, within: { start, length: (reference.path[name] ?? "").length } };
}
