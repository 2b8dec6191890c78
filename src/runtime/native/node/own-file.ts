/** Where this code lies: a module of its own, or the one file of a bundle. Floor: runtime; Node only. */
import { fileURLToPath } from "node:url";

/** Undefined in a bundle that is a CommonJS file. */
const address = import.meta.url as string | undefined;

export const ownFile: string = address === undefined ? __filename : fileURLToPath(address);
