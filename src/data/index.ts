/** `twopass/data`: data sets, loaders, file formats that need no files. Floor: data. */
export { type Batch, collate } from "./collate.ts";
export { type Dataset, type Rows, TensorDataset, type TensorsOf } from "./dataset.ts";
export { type IdxArray, type IdxData, type IdxDtype, decodeIdx } from "./idx.ts";
export { DataLoader, type Examples, type LoaderOptions } from "./loader.ts";
