/** `twopass/data`: data sets, loaders, file formats that need no files. Floor: data. */
export { RandomStream, type RandomStreamState } from "../base/random-stream.ts";
export { type Batch, collate } from "./loader/collate.ts";
export { ConcatDataset, Subset, mapDataset, randomSplit } from "./datasets/combine.ts";
export type { BooleanColumn, Cell, Column, ColumnKind, NumberColumn, TextColumn } from "./table/column.ts";
export { type CsvChunks, type CsvOptions, type CsvRowsOptions, parseCsv, readCsvRows } from "./formats/csv.ts";
export { type Dataset, type Indexed, type Rows, TensorDataset, type TensorsOf } from "./datasets/dataset.ts";
export { type IdxArray, type IdxData, type IdxDtype, decodeIdx } from "./formats/idx.ts";
export { DataLoader, type LoaderState } from "./loader/loader.ts";
export type { Examples, LoaderOptions, WorkerModule } from "./loader/loader-options.ts";
export type { ShapedArray } from "./datasets/pack.ts";
export {
  BatchSampler,
  RandomSampler,
  type RandomSamplerOptions,
  type Sampler,
  type SeedOptions,
  SequentialSampler,
  SubsetRandomSampler,
  WeightedRandomSampler,
  type WeightedSamplerOptions,
} from "./loader/samplers.ts";
export { type ColumnSummary, type Row, Table } from "./table/table.ts";
export {
  type ColumnEncoding,
  type EncoderOptions,
  TableEncoder,
  type TableEncoding,
  type TableTensors,
  type TargetEncoding,
} from "./table/table-encoder.ts";
export { decodeText } from "./formats/text.ts";
export { type WavAudio, type WavOptions, decodeWav, encodeWav } from "./formats/wav.ts";
export { BPETokenizer, type BPETrainOptions, type DecodeOptions } from "./tokenizer/bpe-tokenizer.ts";
export { CharTokenizer, type CharTokenizerJson, type CharTokenizerOptions } from "./tokenizer/char-tokenizer.ts";
export type { BPETokenizerJson } from "./tokenizer/tokenizer-json.ts";
export { ColorJitter, type ColorJitterOptions, Grayscale, Normalize, ToFloat } from "./transforms/colors.ts";
export {
  CenterCrop,
  Pad,
  type PadOptions,
  type Padding,
  RandomCrop,
  type RandomCropOptions,
  RandomHorizontalFlip,
  RandomRotation,
  type RandomRotationOptions,
  RandomVerticalFlip,
} from "./transforms/geometry.ts";
export { Compose, type ImageArray, type ImageTransform, type Pixels, type Size } from "./transforms/image.ts";
export { ImageDataset, type ImageDatasetOptions } from "./transforms/image-dataset.ts";
export { Resize, type ResizeOptions } from "./transforms/resize.ts";
export { type Label, LabelEncoder, Standardizer, type StandardizerJson } from "./table/encoders.ts";
export { WindowDataset, type WindowOptions } from "./datasets/windows.ts";
