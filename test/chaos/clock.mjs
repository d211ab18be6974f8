// @ts-check
/* Preloaded into a process (`NODE_OPTIONS=--import …`), it makes that process's clock go wrong by CLOCK_OFF_MS milliseconds. */

// biome-ignore lint/suspicious/noUndeclaredEnvVars: the tests are no task of turbo.
const off = Number(process.env.CLOCK_OFF_MS ?? 0);
const Right = Date;

class Wrong extends Right {
  /** @param {any[]} given */
  constructor(...given) {
    if (given.length === 0) super(Right.now() + off);
    else super(.../** @type {[any]} */ (/** @type {unknown} */ (given)));
  }

  /** @override */
  static now() {
    return Right.now() + off;
  }
}

globalThis.Date = /** @type {DateConstructor} */ (/** @type {unknown} */ (Wrong));
