/** `twopass/io`: states as bytes, in the safetensors format. Files are in `twopass/io/node`. Floor: io. */
export {
  type SafetensorsData,
  type SafetensorsDtype,
  type SafetensorsEntry,
  type SafetensorsFile,
  decodeSafetensors,
  encodeSafetensors,
} from "./safetensors.ts";
export { type SaveOptions, load, save } from "./state.ts";
