/** Somebody who can sign in. All of them are invented. */
export interface Person {
  readonly id: string;
  /** What this person is called in a sentence. */
  readonly name: string;
  readonly email: string;
  /** Names and contents of the files that the person has from the start. */
  readonly files: Readonly<Record<string, string>>;
}

export const people: readonly Person[] = [
  {
    id: "person_ada",
    name: "Ada",
    email: "ada@sandbox.example",
    files: {
      "notes-on-the-engine.md": "# Notes\n\nThe engine weaves algebraical patterns just as the loom weaves flowers and leaves.\n",
      "bernoulli-numbers.csv": "n,numerator,denominator\n1,1,6\n2,-1,30\n3,1,42\n",
      "shopping-list.txt": "paper\nink\npunched cards\n",
    },
  },
  {
    id: "person_grace",
    name: "Grace",
    email: "grace@sandbox.example",
    files: {
      "log-book.txt": "15:45 Relay 70, panel F. Found a moth in the relay.\n",
      "compiler-ideas.md": "# Ideas\n\n- Let people write programs in words.\n- Let the machine do the rest.\n",
    },
  },
  {
    id: "person_alan",
    name: "Alan",
    email: "alan@sandbox.example",
    files: {
      "on-tape.txt": "How long may a tape be? As long as it needs to be.\n",
      "training-times.csv": "date,distance_km,minutes\n1947-08-23,42.2,166\n",
    },
  },
];

export function personById(id: string | undefined): Person | undefined {
  return people.find((person) => person.id === id);
}
