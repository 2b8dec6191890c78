/**
 * `twopass/io`: tensors as bytes in the formats safetensors, `.npy` and `.npz`; PyTorch's files are read. Files are in
 * `twopass/io/node`. Floor: io.
 */
export type { MemoryOptions } from "./budget.ts";
export { type NpyArray, decodeNpy, loadNpy, saveNpy } from "./npy.ts";
export { type SaveNpzOptions, loadNpz, saveNpz } from "./npz.ts";
export { type BlobLike, type SafetensorsReader, type TensorInfo, openSafetensors } from "./safetensors-reader.ts";
export {
  type SafetensorsData,
  type SafetensorsDtype,
  type SafetensorsEntry,
  type SafetensorsFile,
  decodeSafetensors,
  encodeSafetensors,
} from "./safetensors.ts";
export { type SaveOptions, load, save } from "./state.ts";
export { loadTorch } from "./torch.ts";
