/** `twopass/train/node`: the Trainer with checkpoints in folders, loggers that write files, progress on a terminal. Floor: train; Node only. */
export { CsvLogger } from "./csv-logger.ts";
export { JsonlLogger } from "./jsonl-logger.ts";
export { type ProgressOptions, progressBar } from "./progress.ts";
export type { Histogram } from "./tensorboard-events.ts";
export { TensorBoardLogger, type TensorBoardOptions } from "./tensorboard-logger.ts";
export { CheckpointFolder, type CheckpointFolderOptions, type SkippedCheckpoint } from "./checkpoint-folder.ts";
export { type FileFitOptions, type FolderCheckpoint, Trainer } from "./file-trainer.ts";
export { ModelCheckpoint, type ModelCheckpointOptions } from "./model-checkpoint.ts";
