// What an expression names: read off JSONata's syntax tree, so that nothing is evaluated.

import { builtins } from "./function-names.ts";
import type { SyntaxNode } from "./syntax.ts";

/** A name of the data that an expression reads, such as `token.access_token`. */
export interface Reference {
  readonly path: readonly string[];
  /** Where the last name of `path` stands in the expression, from 0, for each name. */
  readonly offsets: readonly number[];
  /** Whether the value at `path` is used with everything in it, so that parts of it are reached without being named. */
  readonly whole: boolean;
}

export interface NamedThing {
  readonly name: string;
  readonly offset: number;
}

export interface Call extends NamedThing {
  /** Written without `$`. */
  readonly bare: boolean;
}

export interface Analysis {
  readonly references: readonly Reference[];
  /** Whether all names in reach are used at once, as in `$` or `*`. */
  readonly everything: boolean;
  readonly calls: readonly Call[];
  /** Variables that nothing sets. */
  readonly unset: readonly NamedThing[];
  readonly regexes: readonly { readonly regex: RegExp; readonly offset: number }[];
  /** Whether values change while the expression runs. */
  readonly transforms: boolean;
}

/** What the nodes of a syntax tree are read over: the data as a whole, or something within it. */
type Context = "root" | "inner";

type Visit = (reader: TreeReader, node: SyntaxNode, context: Context) => void;

/** Where the parts of each kind of node stand. What is not listed has no parts. */
const visits: Readonly<Record<string, Visit>> = {
  path: (reader, node, context) => {
    reader.path(node.steps ?? [], context);
    if (node.group) reader.group(node.group, "inner");
  },
  name: (reader, node, context) => reader.path([node], context),
  wildcard: (reader, _node, context) => reader.all(context),
  descendant: (reader, _node, context) => reader.all(context),
  variable: (reader, node, context) => reader.variable(node, context),
  // What stands above a value may be the data as a whole.
  parent: (reader) => {
    reader.everything = true;
  },
  binary: (reader, node, context) => reader.each([node.lhs as SyntaxNode, node.rhs], context),
  apply: (reader, node, context) => reader.apply(node, context),
  unary: (reader, node, context) => {
    if (node.value === "{") return reader.group(node, context);
    reader.each([node.expression, ...(node.expressions ?? [])], context);
  },
  condition: (reader, node, context) => reader.each([node.condition, node.then, node.else], context),
  block: (reader, node, context) => reader.each(node.expressions ?? [], context),
  bind: (reader, node, context) => {
    reader.set((node.lhs as SyntaxNode).value);
    reader.each([node.rhs], context);
  },
  function: (reader, node, context) => reader.call(node, context, 0),
  partial: (reader, node, context) => reader.call(node, context, Number.POSITIVE_INFINITY),
  lambda: (reader, node, context) => {
    for (const parameter of node.arguments ?? []) reader.set(parameter.value);
    reader.each([node.body], context);
  },
  transform: (reader, node) => {
    reader.transforms = true;
    reader.each([node.pattern, node.update, node.delete], "inner");
  },
  sort: (reader, node) => {
    for (const term of node.terms ?? []) reader.each([term.expression], "inner");
  },
  regex: (reader, node) => {
    reader.regexes.push({ regex: node.value as RegExp, offset: startOf(node, 0) });
  },
};

/** What an expression names, from its source and syntax tree. */
export function analyse(source: string, tree: SyntaxNode): Analysis {
  const reader = new TreeReader(source);
  reader.visit(tree, "root");
  const known = (name: string) => reader.assigned.has(name) || Object.hasOwn(builtins, name);
  return {
    references: reader.references,
    everything: reader.everything,
    calls: reader.calls.filter(({ name, bare }) => bare || !reader.assigned.has(name)),
    unset: reader.variables.filter(({ name }) => !known(name)),
    regexes: reader.regexes,
    transforms: reader.transforms,
  };
}

class TreeReader {
  readonly references: Reference[] = [];
  readonly calls: Call[] = [];
  readonly variables: NamedThing[] = [];
  readonly regexes: { regex: RegExp; offset: number }[] = [];
  readonly assigned = new Set<string>();
  everything = false;
  transforms = false;
  private readonly source: string;

  constructor(source: string) {
    this.source = source;
  }

  visit(node: SyntaxNode | undefined, context: Context): void {
    if (!node) return;
    visits[node.type]?.(this, node, context);
    if (node.type !== "path" && node.type !== "name") this.attachments(node, context);
  }

  each(nodes: readonly (SyntaxNode | undefined)[], context: Context): void {
    for (const node of nodes) this.visit(node, context);
  }

  all(context: Context): void {
    if (context === "root") this.everything = true;
  }

  set(name: unknown): void {
    if (typeof name === "string") this.assigned.add(name);
  }

  /** Filters, groups and bindings that hang on a node: all of them see the node's items. */
  private attachments(node: SyntaxNode, context: Context): void {
    for (const stage of [...(node.predicate ?? []), ...(node.stages ?? [])]) {
      if (stage.expr) this.visit(stage.expr, "inner");
      else this.set(stage.value);
    }
    this.set(node.focus);
    this.set(node.index);
    if (node.group) this.group(node.group, node.type === "unary" ? context : "inner");
  }

  group(node: SyntaxNode, context: Context): void {
    for (const pair of (node.lhs ?? []) as [SyntaxNode, SyntaxNode][]) this.each(pair, context);
  }

  variable(node: SyntaxNode, context: Context): void {
    const name = String(node.value);
    if (name === "$") this.everything = true;
    else if (name === "") this.all(context);
    else this.variables.push({ name, offset: startOf(node, name.length + 1) });
  }

  apply(node: SyntaxNode, context: Context): void {
    this.visit(node.lhs as SyntaxNode, context);
    if (node.rhs?.type === "function") this.call(node.rhs, context, 1);
    else this.visit(node.rhs, context);
  }

  /** `given`: the arguments that stand elsewhere. */
  call(node: SyntaxNode, context: Context, given: number): void {
    const { procedure } = node;
    if (procedure?.type === "variable" && procedure.value !== "") {
      const name = String(procedure.value);
      this.calls.push({ name, offset: startOf(procedure, name.length + 1), bare: false });
      const needed = Object.hasOwn(builtins, name) ? builtins[name]?.context : undefined;
      if (needed !== undefined && (node.arguments?.length ?? 0) + given < needed) this.all(context);
    } else if (procedure?.type === "path" && procedure.steps?.length === 1 && procedure.steps[0]?.type === "name") {
      const name = String(procedure.steps[0].value);
      this.calls.push({ name, offset: startOf(procedure.steps[0], name.length), bare: true });
    } else this.visit(procedure, context);
    this.each(node.arguments ?? [], context);
  }

  /** A path begins with names of the data if it is read over the data; what follows them is read over what they give. */
  path(steps: readonly SyntaxNode[], context: Context): void {
    let at = context;
    let index = 0;
    const first = steps[0];
    if (
      first?.type === "variable" &&
      (first.value === "$" || (first.value === "" && context === "root")) &&
      steps[1]?.type === "name"
    ) {
      at = "root";
      index = 1;
    }
    const names: SyntaxNode[] = [];
    while (at === "root" && steps[index]?.type === "name") names.push(steps[index++] as SyntaxNode);
    if (names.length > 0) {
      const path = names.map(({ value }) => String(value));
      this.references.push({ path, offsets: names.map((node) => this.startOfName(node)), whole: true });
      at = "inner";
    }
    for (const name of names) this.attachments(name, "inner");
    for (const step of steps.slice(index)) {
      if (step.type === "name" && at === "inner") this.attachments(step, "inner");
      else this.visit(step, at);
      at = "inner";
    }
  }

  private startOfName(node: SyntaxNode): number {
    const last = this.source[(node.position ?? 0) - 1] ?? "";
    return startOf(node, String(node.value).length + ("`'\"".includes(last) ? 2 : 0));
  }
}

/** JSONata's positions are behind the token. */
function startOf(node: SyntaxNode, length: number): number {
  return Math.max(0, (node.position ?? 0) - length);
}
