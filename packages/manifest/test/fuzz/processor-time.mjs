// @ts-check
/**
 * A time that the load of the machine does not change. Node 22 and older count the whole process, with the threads that optimize
 * code; from Node 23.9 on only the thread that waits for the answer is counted.
 */
const clock = /** @type {typeof process.cpuUsage} */ (Reflect.get(process, "threadCpuUsage") ?? process.cpuUsage);

/**
 * What the work gives, and the processor time it took in milliseconds.
 * @template T
 * @param {() => T} work
 */
export function processorTime(work) {
  const began = clock.call(process);
  const result = work();
  const { user, system } = clock.call(process, began);
  return { result, milliseconds: (user + system) / 1000 };
}
