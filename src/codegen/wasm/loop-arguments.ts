/**
 * The arguments of a loop kernel, 32 bits each: the extent of each loop; where lanes lie along a dim the elements of a
 * block of them; then for each access its start (an address, a count, or bytes from the start of the workspace) and one
 * step for each loop (bytes for memory, counts for an index), and the extent and step of a chosen dim; then the address of
 * the fault words [whether there is one, index, extent, lock]; last the numbers of the call, in two words each.
 * Floor: codegen.
 */
import { type Dtype, itemSize } from "../../base/dtype.ts";
import { type LoopKernel, counting } from "../../schedule/kernel.ts";
import { laneBlockOf, loopUnits } from "../../schedule/split.ts";

/** Takes the arguments of a command, in order. */
export interface LoopWriter {
  word(value: number): void;
  address(buffer: number, addend: number): void;
  number(dtype: Dtype, value: number): void;
  fault(): void;
}

/** Writes the arguments of a call and gives its number of units. */
export function writeLoopArguments(kernel: LoopKernel, writer: LoopWriter): number {
  for (const extent of kernel.extents) writer.word(extent);
  const laneBlock = laneBlockOf(kernel);
  if (kernel.lanes === "along") writer.word(laneBlock);
  for (const access of kernel.accesses) {
    const unit = access.buffer === counting ? 1 : itemSize[access.dtype];
    if (access.buffer < 0) writer.word(access.offset * unit);
    else writer.address(access.buffer, access.offset * unit);
    for (const stride of access.strides) writer.word(stride * unit);
    writer.word(access.indirect?.size ?? 0);
    writer.word((access.indirect?.stride ?? 0) * unit);
  }
  writer.fault();
  for (const { dtype, value } of kernel.numbers) writer.number(dtype, value);
  return loopUnits(kernel, laneBlock);
}
