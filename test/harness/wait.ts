export const pause = (milliseconds: number) => new Promise<void>((resolve) => setTimeout(resolve, milliseconds));

/** Asks again until the answer is true-ish, and gives it. */
export async function until<T>(
  what: string,
  ask: () => T | Promise<T>,
  { timeout = 30_000, every = 50 }: { readonly timeout?: number; readonly every?: number } = {},
): Promise<NonNullable<T>> {
  const end = Date.now() + timeout;
  for (;;) {
    const answer = await ask();
    if (answer) return answer;
    if (Date.now() > end) throw new Error(`${what}: not within ${timeout} ms`);
    await pause(every);
  }
}
