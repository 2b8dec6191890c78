/**
 * Preloaded by programs whose threads shall read TypeScript too: threads preload what their program did. In a program
 * itself `--import tsx` is enough, but in threads it does nothing.
 */
import { isMainThread } from "node:worker_threads";
import { register } from "tsx/esm/api";

if (!isMainThread) register();
