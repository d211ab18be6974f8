import { type OddProvider, type Reply, type Seen, startOddProvider } from "./odd.ts";

/** A provider's API with an input of every type, its connector, and what it was asked. */
export interface Warehouse extends OddProvider {
  /** The connector's manifest, with an API key. */
  manifest(name: string): string;
}

/** Whose key it is: `key-` and a name, so that each is an account of its own. */
const account = ({ headers }: Seen): string | undefined => /^Bearer key-([a-z0-9-]+)$/.exec(String(headers.authorization))?.[1];

/** Answers only who brings a key. */
const guarded = (reply: (seen: Seen, who: string) => Reply | Promise<Reply>) => (seen: Seen) => {
  const who = account(seen);
  return who === undefined ? { status: 401, body: { error: "who are you?" } } : reply(seen, who);
};

/** A body that is none is stored as nothing: who sends it through the proxy may send anything. */
const jsonOf = ({ body }: Seen): unknown => {
  try {
    return JSON.parse(body.toString("utf8"));
  } catch {
    return null;
  }
};

const boxes = [
  { id: "b1", weight: 3 },
  { id: "b2", weight: 5 },
];

/** `parked`: called with each request to `/wait`, which is answered when its result is there. */
export async function startWarehouse(parked: (seen: Seen) => Promise<void> = async () => {}): Promise<Warehouse> {
  const provider = await startOddProvider({
    "/me": guarded((_seen, who) => ({ body: { id: who, name: `Storeman ${who}` } })),
    "/boxes": guarded((seen) =>
      seen.method === "POST"
        ? { status: 201, body: { id: "b3", stored: jsonOf(seen) } }
        : { body: { boxes, total: boxes.length } },
    ),
    "/boxes/b1": guarded(({ method }) => (method === "DELETE" ? { status: 204 } : { body: boxes[0] })),
    "/kinds": guarded(() => ({ body: { kinds: [{ id: "wood", name: "Wood" }] } })),
    "/fail": guarded(() => ({ status: 400, body: { error: "the shelf is full" } })),
    "/wait": guarded(async (seen) => {
      await parked(seen);
      return { body: { waited: true } };
    }),
  });
  return { ...provider, at: provider.at, manifest: (name) => manifestOf(name, provider.url) };
}

const manifestOf = (name: string, url: string) => `manifest: 1
name: ${name}
title: Warehouse
description: Boxes on shelves.
base_url: ${url}
auth:
  key:
    type: api_key
    test: { request: { path: /me } }
    label: "{{ me.name }}"
    unique_id: me.id
options:
  kinds: { request: { path: /kinds }, items: "body.kinds.{ 'label': name, 'value': id }" }
actions:
  list_boxes:
    title: List boxes
    description: What stands on the shelves.
    input:
      limit: { type: number, default: 20, min: 1, max: 100, label: How many, help: At most 100. }
      heavy: { type: boolean }
    request: { path: /boxes, query: { limit: "{{ input.limit }}", heavy: "{{ input.heavy }}" } }
    output: body.boxes
  get_box:
    title: Get a box
    input: { id: { required: true } }
    request: { path: "/boxes/{{ input.id }}" }
  store_box:
    title: Store a box
    input:
      name: { required: true, min: 2, max: 40, pattern: "[A-Za-z ]+" }
      note: { type: text }
      size: { type: select, required: true, options: [{ label: Up to a kilo, value: small }, { label: Large, value: large }] }
      kind: { type: select, options: kinds }
      until: { type: date }
      tags: { list: true }
      weights: { type: number, list: true, min: 0 }
      home: { type: url }
      place: { type: path }
      label: { type: file }
      extra: { type: object }
    request:
      method: POST
      path: /boxes
      body:
        name: "{{ input.name }}"
        note: "{{ input.note }}"
        size: "{{ input.size }}"
        kind: "{{ input.kind }}"
        until: "{{ input.until }}"
        tags: "{{ input.tags }}"
        weights: "{{ input.weights }}"
        home: "{{ input.home }}"
        place: "{{ input.place }}"
        label: "{{ input.label.name }}"
        extra: "{{ input.extra }}"
  burn_box:
    title: Burn a box
    input: { id: { required: true } }
    request: { method: DELETE, path: "/boxes/{{ input.id }}" }
  fail:
    title: Fail
    request: { method: PUT, path: /fail, body: {} }
  wait:
    title: Wait
    request: { path: /wait }
`;
