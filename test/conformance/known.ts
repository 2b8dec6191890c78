/**
 * Cases that fail although the operation is there, with the reason: differences from PyTorch that are decisions. The
 * list may only shrink. A case listed here that passes fails the run.
 */
export const known: ReadonlyMap<string, string> = new Map<string, string>([]);
