import type { Log, Queue } from "@jackfield/engine";

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

export async function until(what: () => boolean | Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 2_000; tries += 1) {
    if (await what()) return;
    await pause(5);
  }
  throw new Error("it did not happen");
}

const kind = "refresh";

/** Every obligation of the queue's port, against one adapter. */
export function queueContract(name: string, make: (log: Log) => Promise<Queue>): void {
  describe(`the queue's contract: ${name}`, () => {
    let queue: Queue;
    let logged: string[];
    const ran: string[] = [];
    const note = async (id: string) => void ran.push(id);

    beforeEach(async () => {
      logged = [];
      ran.length = 0;
      queue = await make((_level, message, fields) => void logged.push(`${message} ${JSON.stringify(fields)}`));
    });
    afterEach(() => queue.close());

    test("a job runs when it is due, and not before", async () => {
      queue.work(kind, { concurrency: 1 }, note);
      await queue.put({ kind, id: "a", due: Date.now() + 120 });
      await pause(60);
      expect(ran).toEqual([]);
      await until(() => ran.length === 1);
    });

    test("overdue jobs run at once, the most overdue first", async () => {
      const now = Date.now();
      await queue.put({ kind, id: "b", due: now - 10 });
      await queue.put({ kind, id: "a", due: now - 20 });
      await queue.put({ kind, id: "c", due: now });
      queue.work(kind, { concurrency: 1 }, note);
      await until(() => ran.length === 3);
      expect(ran).toEqual(["a", "b", "c"]);
    });

    test("jobs that were put before anybody works are kept", async () => {
      await queue.put({ kind, id: "a", due: 0 });
      await pause(20);
      queue.work(kind, { concurrency: 1 }, note);
      await until(() => ran.length === 1);
    });

    test("it tells how many jobs of each kind wait, those of a later time among them", async () => {
      expect(await queue.waiting()).toEqual({ refresh: 0, test: 0, remind: 0, revoke: 0, device: 0, deliver: 0 });
      await queue.put({ kind, id: "a", due: Date.now() + 60_000 });
      await queue.put({ kind, id: "a", due: Date.now() + 70_000 });
      await queue.put({ kind, id: "b", due: Date.now() + 60_000 });
      await queue.put({ kind: "deliver", id: "a", due: 0 });
      expect(await queue.waiting()).toMatchObject({ refresh: 2, test: 0, deliver: 1 });
      await queue.remove(kind, "b");
      queue.work("deliver", { concurrency: 1 }, note);
      await until(() => ran.length === 1);
      expect(await queue.waiting()).toMatchObject({ refresh: 1, deliver: 0 });
    });

    test("two jobs of one kind and id are one job, due at the later `put`'s time", async () => {
      queue.work(kind, { concurrency: 4 }, note);
      await queue.put({ kind, id: "sooner", due: Date.now() + 60_000 });
      await queue.put({ kind, id: "sooner", due: Date.now() + 20 });
      await queue.put({ kind, id: "later", due: Date.now() + 20 });
      await queue.put({ kind, id: "later", due: Date.now() + 60_000 });
      await until(() => ran.length === 1);
      await pause(80);
      expect(ran).toEqual(["sooner"]);
    });

    test("a job that was put many times runs once", async () => {
      for (let n = 0; n < 500; n += 1) await queue.put({ kind, id: "a", due: Date.now() + (n % 7) });
      queue.work(kind, { concurrency: 4 }, note);
      await until(() => ran.length > 0);
      await pause(50);
      expect(ran).toEqual(["a"]);
    });

    test("a job that was removed does not run; removing one that is not there is no error", async () => {
      queue.work(kind, { concurrency: 1 }, note);
      await queue.put({ kind, id: "a", due: Date.now() + 30 });
      await queue.remove(kind, "a");
      await queue.remove(kind, "never");
      await pause(80);
      expect(ran).toEqual([]);
    });

    test("no more run at once than are allowed, and all run", async () => {
      let [running, most] = [0, 0];
      queue.work(kind, { concurrency: 3 }, async (id) => {
        running += 1;
        most = Math.max(most, running);
        await pause(5);
        running -= 1;
        ran.push(id);
      });
      for (let n = 0; n < 20; n += 1) await queue.put({ kind, id: `job-${n}`, due: 0 });
      await until(() => ran.length === 20);
      expect(most).toBe(3);
    });

    test("a job that is put while it runs runs again afterwards, never beside itself", async () => {
      let [running, most] = [0, 0];
      queue.work(kind, { concurrency: 4 }, async (id) => {
        running += 1;
        most = Math.max(most, running);
        if (ran.length === 0) await queue.put({ kind, id, due: 0 });
        await pause(20);
        running -= 1;
        ran.push(id);
      });
      await queue.put({ kind, id: "a", due: 0 });
      await until(() => ran.length === 2);
      expect(most).toBe(1);
    });

    test("a handler that throws is logged, and the others go on", async () => {
      queue.work(kind, { concurrency: 1 }, async (id) => {
        if (id === "bad") throw new Error("broken on purpose");
        ran.push(id);
      });
      await queue.put({ kind, id: "bad", due: 0 });
      await queue.put({ kind, id: "good", due: 1 });
      await until(() => ran.length === 1);
      expect(logged.join("\n")).toContain("broken on purpose");
      expect(logged.join("\n")).toContain("bad");
    });

    test("an id may be any text", async () => {
      queue.work(kind, { concurrency: 1 }, note);
      for (const id of ["", "a:b", "__proto__", "ü/🎛", "refresh"]) await queue.put({ kind, id, due: 0 });
      await until(() => ran.length === 5);
      expect([...ran].sort()).toEqual(["", "__proto__", "a:b", "refresh", "ü/🎛"]);
    });

    test("a job that waits for a worker can be put off", async () => {
      let release: (() => void) | undefined;
      queue.work(kind, { concurrency: 1 }, async (id) => {
        ran.push(id);
        if (id === "first") await new Promise<void>((resolve) => (release = resolve));
      });
      await queue.put({ kind, id: "first", due: 0 });
      await until(() => release !== undefined);
      await queue.put({ kind, id: "off", due: 1 });
      await queue.put({ kind, id: "on", due: 2 });
      await queue.put({ kind, id: "off", due: Date.now() + 60_000 });
      release?.();
      await until(() => ran.includes("on"));
      await until(async () => (await queue.waiting())[kind] === 1);
      expect(ran).toEqual(["first", "on"]);
    });

    test("a job that is put for later while it runs runs again then, and not before", async () => {
      queue.work(kind, { concurrency: 1 }, async (id) => {
        if (ran.length === 0) await queue.put({ kind, id, due: Date.now() + 150 });
        ran.push(`${id} ${Date.now()}`);
      });
      await queue.put({ kind, id: "a", due: 0 });
      await until(() => ran.length === 2);
      const [first, second] = ran.map((line) => Number(line.split(" ")[1]));
      expect((second ?? 0) - (first ?? 0)).toBeGreaterThanOrEqual(145);
    });

    test("it tells how many jobs wait, of each kind; what runs does not wait", async () => {
      const none = { refresh: 0, test: 0, remind: 0, revoke: 0, device: 0, deliver: 0 };
      expect(await queue.waiting()).toEqual(none);
      for (const id of ["a", "b", "b"]) await queue.put({ kind, id, due: Date.now() + 60_000 });
      await queue.put({ kind: "deliver", id: "a", due: 0 });
      expect(await queue.waiting()).toEqual({ ...none, refresh: 2, deliver: 1 });
      await queue.remove(kind, "a");
      let release: (() => void) | undefined;
      queue.work("deliver", { concurrency: 1 }, () => new Promise<void>((resolve) => (release = resolve)));
      await until(() => release !== undefined);
      expect(await queue.waiting()).toEqual({ ...none, refresh: 1 });
      release?.();
    });

    test("closing waits for what runs, starts nothing more, and takes nothing more", async () => {
      let started = false;
      queue.work(kind, { concurrency: 1 }, async (id) => {
        started = true;
        await pause(50);
        ran.push(id);
      });
      await queue.put({ kind, id: "runs", due: 0 });
      await queue.put({ kind, id: "waits", due: 1 });
      await until(() => started);
      await queue.close();
      expect(ran).toEqual(["runs"]);
      await queue.put({ kind, id: "late", due: 0 });
      await pause(80);
      expect(ran).toEqual(["runs"]);
    });
  });
}
