/** What a server of runs tells of its folder: which runs there are, and how far their files go. Floor: inspect. */
import type { RunInfo } from "./run-format.ts";

/** A run as a server lists it. */
export interface ListedRun {
  /** Its folder below the one that is served, with slashes; "." for that one itself. */
  readonly path: string;
  readonly info: RunInfo;
  /** Whether a program is writing to it. */
  readonly isRunning: boolean;
  /** When it last grew, milliseconds since 1970. */
  readonly changed: number;
  /** Its growing files by name, those of `runFiles`. A file that is not there yet is left out. */
  readonly files: Readonly<Record<string, ListedFile>>;
  /** The steps of which there is a trace, in their order. */
  readonly traces: readonly number[];
}

export interface ListedFile {
  readonly bytes: number;
  /** Another one where the file was cut or replaced, so that what was read of it counts no more. */
  readonly revision: string;
}

/** A folder that looks like a run and cannot be read. */
export interface UnreadableRun {
  readonly path: string;
  /** What is wrong, and what to do. */
  readonly problem: string;
}

export interface RunList {
  /** The folder that is served, as it was named. */
  readonly folder: string;
  /** Those that changed last first. */
  readonly runs: readonly ListedRun[];
  readonly unreadable: readonly UnreadableRun[];
}
