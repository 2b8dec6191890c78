/** Files that are dropped or chosen: which of them make a run, and which are traces. */

/** A file with its path below what was dropped. */
export type DroppedFile = readonly [path: string, file: File];

export interface DroppedRun {
  /** The folder. */
  readonly name: string;
  readonly files: readonly DroppedFile[];
}

export interface Sorted {
  readonly runs: readonly DroppedRun[];
  /** Files by themselves, which may be traces. */
  readonly others: readonly File[];
  /** Folders in which there is no run. */
  readonly empty: readonly string[];
}

const ofRun = /^(run\.json|records\.jsonl|scalars\.csv|traces\/step-\d+\.json)$/;

/** A run is a folder with a run.json, at any depth. */
export function sortFiles(files: readonly DroppedFile[]): Sorted {
  const folders = files.flatMap(([path]) => (/(^|\/)run\.json$/.test(path) ? [path.slice(0, -"run.json".length)] : []));
  const runs = folders.map((folder) => ({
    name: folder === "" ? "run.json" : folder.slice(0, -1),
    files: files.flatMap(([path, file]): DroppedFile[] => {
      const name = path.slice(folder.length);
      return path.startsWith(folder) && ofRun.test(name) ? [[name, file]] : [];
    }),
  }));
  const isTaken = (path: string): boolean =>
    folders.some((folder) => path.startsWith(folder) && ofRun.test(path.slice(folder.length)));
  const tops = new Set(files.flatMap(([path]) => (path.includes("/") ? [path.slice(0, path.indexOf("/"))] : [])));
  return {
    runs,
    others: files.flatMap(([path, file]) => (path.includes("/") || isTaken(path) ? [] : [file])),
    empty: [...tops].filter((top) => !folders.some((folder) => folder.startsWith(`${top}/`))),
  };
}

export function chosenFiles(files: Iterable<File>): DroppedFile[] {
  return [...files].map((file) => [file.webkitRelativePath || file.name, file]);
}

/** What a drop holds, with all that is in its folders. */
export async function droppedFiles(data: DataTransfer): Promise<DroppedFile[]> {
  // The list is gone once the event is over.
  const entries = [...data.items].flatMap((item) => item.webkitGetAsEntry() ?? []);
  if (entries.length === 0) return chosenFiles(data.files);
  return (await Promise.all(entries.map(filesOf))).flat();
}

async function filesOf(entry: FileSystemEntry): Promise<DroppedFile[]> {
  if (!entry.isDirectory) {
    const file = await new Promise<File>((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject));
    return [[entry.fullPath.replace(/^\//, ""), file]];
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  const found: FileSystemEntry[] = [];
  // It gives some at a time, and none at the end.
  for (;;) {
    const more = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
    if (more.length === 0) break;
    found.push(...more);
  }
  return (await Promise.all(found.map(filesOf))).flat();
}
