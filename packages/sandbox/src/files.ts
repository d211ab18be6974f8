import { randomBytes } from "node:crypto";
import { OAuthError } from "./oauth-error.ts";
import { people } from "./people.ts";

const maxFiles = 200;

export interface File {
  readonly id: string;
  readonly name: string;
  readonly content: string;
  /** ISO 8601. */
  readonly created_at: string;
}

/** What a list shows of a file. */
export type FileEntry = Omit<File, "content"> & { readonly size: number };

/** Everybody's files. The ones from the start come back after a restart, with the same ids; created ones do not. */
export interface Files {
  /** Newest first, filtered by a text in name or content. */
  list(person: string, query: string): readonly File[];
  get(person: string, id: string): File;
  create(person: string, name: string, content: string): File;
  remove(person: string, id: string): void;
}

export function createFiles(clock: () => number): Files {
  const shelves = new Map<string, Map<string, File>>();
  for (const person of people) shelves.set(person.id, new Map(initial(person.id, person.files).map((file) => [file.id, file])));
  const shelf = (person: string): Map<string, File> => shelves.get(person) ?? new Map();
  const missing = (): OAuthError => new OAuthError("not_found", "There is no file with this id.");

  return {
    list(person, query) {
      const wanted = query.toLowerCase();
      const matches = ({ name, content }: File): boolean => `${name}\n${content}`.toLowerCase().includes(wanted);
      return [...shelf(person).values()].reverse().filter(matches);
    },
    get(person, id) {
      const file = shelf(person).get(id);
      if (file === undefined) throw missing();
      return file;
    },
    create(person, name, content) {
      const files = shelf(person);
      if (files.size >= maxFiles) throw new OAuthError("limit_reached", `Nobody can have more than ${maxFiles} files here.`);
      const id = `file_${randomBytes(8).toString("hex")}`;
      const file = { id, name, content, created_at: new Date(clock()).toISOString() };
      files.set(id, file);
      return file;
    },
    remove(person, id) {
      if (!shelf(person).delete(id)) throw missing();
    },
  };
}

export function entryOf({ id, name, content, created_at }: File): FileEntry {
  return { id, name, size: Buffer.byteLength(content), created_at };
}

function initial(person: string, files: Readonly<Record<string, string>>): File[] {
  return Object.entries(files).map(([name, content], index) => ({
    id: `file_${person.replace("person_", "")}_${index + 1}`,
    name,
    content,
    created_at: "2026-01-05T09:30:00.000Z",
  }));
}
