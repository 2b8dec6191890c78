/** Preloaded by threads and programs of tests, so that they can import the sources. `--import tsx` does it not in threads. */
import { register } from "tsx/esm/api";

register();
