/** Results taken before they are asked for, in order. Floor: data. */

/**
 * What `take` gives, one after the other, up to the end. While the caller works on one, `count` more are being made.
 * A failure comes in its turn, behind the results before it.
 */
export async function* readAhead<T>(
  take: () => Promise<IteratorResult<T>>,
  count: number,
): AsyncGenerator<T, void, undefined> {
  const queue: Promise<IteratorResult<T>>[] = [];
  for (;;) {
    while (queue.length <= count) {
      const taken = take();
      // It may fail long before its turn, which is no failure that nobody handles.
      taken.catch(() => undefined);
      queue.push(taken);
    }
    const result = await (queue.shift() as Promise<IteratorResult<T>>);
    if (result.done === true) return;
    yield result.value;
  }
}
