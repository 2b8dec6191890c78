/** `twopass/io/node`: states in files. The formats as bytes are in `twopass/io`. Floor: io; Node only. */
export { readFileBytes, writeFileSafely } from "./node-files.ts";
export { openSafetensors } from "./node-safetensors.ts";
export { type SaveFileOptions, loadFile, saveFile } from "./node-states.ts";
