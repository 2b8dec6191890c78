/** A turn of the event loop for others: promises alone never give one. Floor: data. */

/** What hosts offer for a turn of the event loop; a timer is the slowest. */
interface Host {
  readonly setImmediate?: (callback: () => void) => unknown;
  readonly MessageChannel?: new () => { readonly port1: object; readonly port2: object };
}

/** The parts of a message port that are used; Node and browsers type them differently. */
interface Port {
  onmessage: (() => void) | null;
  close(): void;
  postMessage(message: null): void;
}

/** A promise that others run before. */
export function nextTurn(): Promise<void> {
  const { setImmediate, MessageChannel } = globalThis as Host;
  return new Promise((resolve) => {
    if (setImmediate !== undefined) setImmediate(resolve);
    else if (MessageChannel !== undefined) {
      const { port1, port2 } = new MessageChannel() as { port1: Port; port2: Port };
      port1.onmessage = () => {
        port1.close();
        resolve();
      };
      port2.postMessage(null);
    } else setTimeout(resolve, 0);
  });
}
